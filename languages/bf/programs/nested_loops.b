Prints the alphabet slowly

Four nested loops lie between two letters: together they count one more than a multiple of 256
so that the letter in cell 1 moves on by exactly one
For 7 times 183 is one more than such a multiple and so is 23 times 167

>>++++++++[<++++++++++++>-]<<             cell 1: the sign before small a
++++++++++++++++++++++++++                cell 0: letters left
[
    >>+++++++[
        >>+++++++++++++[<++++++++++++++>-]<+[
            >+++++++++++++++++++++++[
                >>++++++++++++[<++++++++++++++>-]<-[-<<<<+>>>>]
                <-
            ]
            <-
        ]
        <-
    ]
    <.<-
]
line feed
>-----------------------------------------------------------------------------
---------------------------------------------++++++++++.
