Draws 32 rows of the Sierpinski triangle: the triangle of Pascal modulo two

Cells: 0 rows left   1 blanks in front   2 copy   3 blank
Cell 8 and up: a group for each entry of the row:
  used flag   bit   scratch   scratch

++++++++[>++++>++++<<-]>[-<+>]            32 rows
>[-<+>]                                   32 blanks
>>>>>>+>+<<<<<<<<<                        the first row is a single one
[
    >-[->+>++++++++++++++++++++++++++++++++.[-]<<]>[-<+>]  blanks in front: one less each time
    >>>>>>                                the first entry
    [
        >>++++++++++++++++++++++++++++++++<  a blank
        [->++++++++++>+<<]                turned into a star by the bit
        >>[-<<+>>]<.
        [-]++++++++++++++++++++++++++++++++.[-]>>
    ]
    ++++++++++.[-]+                       end of line: the next row has one entry more
    [                                     from the right: toggle each bit if its left one is set
        <<<[
            ->+>>>
            [->-<]>+[-<+>]<               toggle
            <<<<
        ]
        >[-<+>]<<
    ]
    <<<<-
]
