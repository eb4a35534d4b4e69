Prints the factorials of 1 to 25 one to a line

Cells: 0 lines left   1 factor   2 copy   Cell 12 and up: a group for each digit low digit first:
  used flag   sum with carry   digit   test flag   always 0   factor
A sum is at most 9 times 25 and a carry of 24 so it fits a cell

+++++[>+++++<-]>[-<+>]<
>>>>>>>>>>>>+>>+<<<<<<<<<<<<<<            the number 1
[
    >+[->+>>>>>>>>>>>>>>>+<<<<<<<<<<<<<<<<]  next factor: given to the lowest digit
    >[-<+>]
    >>>>>>>>>>                            cell 12
    [
        >>[->>>[-<+<<<+>>>>]<[->+<]<<]    add digit times factor to the carry
        <[->+---------->+<[++++++++++>-]>[->>>[-]+>+<<<]<<<]  count it out in tens
        >>>>[->>>>>>+<<<<<<]>             hand the factor on
    ]
    >>>>>[-]<<<<<                         no more digits
    <<<<<<                                print from the highest digit to the lowest
    [>>++++++++++++++++++++++++++++++++++++++++++++++++.--------------------------
    ----------------------<<<<<<<<]
    ++++++++++.[-]                        stands on cell 6
    <<<<<<-
]
