Runs the cellular automaton of rule 30 on 250 cells and shows every 750th row

Cells: 0 rows left   1 and 2 steps to the next row   Cell 8 and up: a group for each cell:
  used flag   state   old state of the left neighbour   sum
The left neighbour of the first is the last as it was one step before and the last has a zero to
its right

A cell lives next time if either its left neighbour lives or one of itself and the right one

>>>>>>>>>++++++++++++++[<++++++++++++++++++>-]<--  250
[[->>>>+<<<<]+>>>>-]                      a count runs to the right and leaves used flags
<<<<[<<<<]>>>>>+<<<<<<<<<                 the first cell lives
>++++++++++[<++++++++++>-]<[              100 rows
    >>>>>>>>
    [                                     show a row
        >>>++++++++++++++++++++++++++++++++++++++++++++++<<  a period
        [->+>-----------<<]               turned into a number sign by the state
        >[-<+>]>.[-]>
    ]
    ++++++++++.[-]
    <<<<[<<<<]<<<
    +++[                                  cell 1: three times 250 steps
        >>++++++++++++++[<++++++++++++++++++>-]<--[
            >>>>[->>>>+<<<<]>>            and becomes the left neighbour of the first
            [
                >>>>>[-<<+>>>+<]>[-<+>]   add the right neighbour to the sum
                <<<<<[->>+>>>+<<<<<]      add the state too and pass it to the right
                >>[<<+>>[-]]              one of both is set: lives
                <[                        the left one lived: the other way round
                    -<[->>-<<]>>+[-<<+>>]<
                ]
                >>
            ]
            >>[-<<<<+>>>>]<<              the state of the last cell
            <<<<[>>[-<<<<+>>>>]<<<<<<]    travels back to cell 6
            <<-
        ]
        <-
    ]
    <-
]
