Prints the primes below 256 one to a line

Cells: 0 candidates left   1 prime flag   2 rounds left
Cell 8 and up: the candidate as a decimal number of six groups with the low digit first:
  used flag   digit   test flag   always 0
Cell 32: a header group   Cell 36 and up: a group for each prime found so far:
  prime   steps to its next multiple   flag   always 0
The first free group counts the candidates in its second cell

++++++++++++++++[>++++++++++++++++<-]>--[-<+>]<  cell 0: 254 candidates from 2 to 255
>>>>>>>>+>+                               the number 1
>>>>>>>>>>>>>>>>>>>>>>>>>>>>+             cell 37: the counter is 1 too
<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<
[
    >>>>>>>>>                             add one to the decimal number
    +<[-]+>---------->+<[++++++++++>-]>[->>>+<[-]+>---------->+<[++++++++++>-]>]
    <<<[<<<<]                             cell 4
    >>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>      cell 36: the first prime
    [>->+<[>-]>[<<[->+>>+<<<]>>>[-<<<+>>>]]>]  count each prime down and note who hits zero
    >+<<<<<                               stand on the last prime
    [>>[-<<<<+>>>>]<<<<<<]                gather the notes in the header
    >+>                                   prime unless something was noted
    [[-]<->]<
    [
        cell 1 is 0 again
        [-<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<+>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>]<<<<<<<<<<
        <<<<<<<<<<<<<<<<<<<<<<-
        >>>>>>>[>>>>]<<<<                 print the number
        [>++++++++++++++++++++++++++++++++++++++++++++++++.---------------------------
        ---------------------<<<<<]
        ++++++++++.[-]
        >>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>[>>>>]  the first free group
        >[-<+>>>>>+<<<<]                  becomes the prime and the next one counts on
        <[->+>>+<<<]>>>[-<<<+>>>]
        <<<[<<<<]>
    ]
    <<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<-
]
