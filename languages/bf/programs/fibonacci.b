Prints the first hundred Fibonacci numbers one to a line

Cell 0: lines left   Cell 8 and up: a group for each digit with the low digit first:
  used flag   digit of the last number   carry and sum   digit of this number   test flag   0

++++++++++[>++++++++++<-]>[-<+>]<         a hundred lines
>>>>>>>>+>>>+                             0 and 1 in one digit
<<<<<<<<<<<
[
    >>>>>>>>[>>>>>>]<<<<<<                to the highest digit
    print down to the lowest: stops at cell 2
    [>>>++++++++++++++++++++++++++++++++++++++++++++++++.-------------------------
    -----------------------<<<<<<<<<]
    ++++++++++.[-]>>>>>>
    [                                     for each digit
        >[->+<]                           the last number goes into the sum
        >>[-<<+>+>]                       this one too and it becomes the last
        <[                                count the sum out into the digit
            ->+---------->+<
            [++++++++++>-]>               not ten: put it back
            [->>[-]+>>+<<<]               ten: it stays zero and the next digit gets a carry
            <<<
        ]
        >>>>
    ]
    <<<<<<[<<<<<<]                        cell 2
    <<-
]
