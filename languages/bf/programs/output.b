Counts from 1 to 2000000 and prints each number on a line

Cells: 0 and 1 and 2 count down   Cell 8 and up: a group for each digit with the low digit first:
  used flag   digit   test flag   always 0

>>>>>>>>+<<<<<<<<                         the number 0
>+++++[<++++++++>-]<[
    >>+++++++++++[<++++++++++++++++++>-]<++[
        >>++++++++++++++[<++++++++++++++++++>-]<--[
            >>>>>>>                       add one
            +<[-]+>---------->+<[++++++++++>-]>[->>>+<[-]+>---------->+<[++++++++++>-]>]
            <<<[<<<<]                     cell 4
            >>>>[>>>>]<<<<                to the highest digit
            print down to the lowest
            [>++++++++++++++++++++++++++++++++++++++++++++++++.---------------------------
            ---------------------<<<<<]
            ++++++++++.[-]
            <<-
        ]
        <-
    ]
    <-
]
