Prints the squares from 0 to 10000 one to a line

The square is a decimal number of four cell groups beginning at cell 8 with the low digit first:
  used flag   digit   test flag   always 0
The next square is had by adding the next odd number

++++++++++[>++++++++++<-]>[-<+>]<+        cell 0: 101 lines to print
>+                                        cell 1: the odd number
>>>>>>>+                                  cell 8: one digit is in use
<<<<<<<<
[
    >>>>>>>>[>>>>]<<<<                    to the highest digit in use
    print down to the lowest: stops at cell 4
    [>++++++++++++++++++++++++++++++++++++++++++++++++.---------------------------
    ---------------------<<<<<]
    ++++++++++.[-]<<<                     line feed
    [                                     as often as the odd number says
        ->+>>>>>>>
        add one: a digit that becomes ten is left at zero and the next one is added to
        +<[-]+>---------->+<[++++++++++>-]>[->>>+<[-]+>---------->+<[++++++++++>-]>]
        <<<[<<<<]<<<                      back to cell 1
    ]
    >[-<+>]<++                            the next odd number
    <-
]
