Computes 7 to the power of 2000 by multiplying a decimal number again and again and prints it

Cells: 0 and 1 count the multiplications   Cell 12 and up: a group for each digit low digit first:
  used flag   sum with carry   digit   test flag   always 0   not used

>>>>>>>>>>>>+>>+<<<<<<<<<<<<<<            the number 1
++++++++++++++++++++++++++++++++++++++++  40 times 50
[
    >++++++++++++++++++++++++++++++++++++++++++++++++++[
        >>>>>>>>>>>
        [
            >>[-<+++++++>]                add seven times the digit to the carry
            <[->+---------->+<[++++++++++>-]>[->>>[-]+>+<<<]<<<]  count it out in tens
            >>>>>                         next digit
        ]
        <<<<<<[<<<<<<]                    cell 6
        <<<<<-
    ]
    <-
]
>>>>>>>>>>>>[>>>>>>]<<<<<<                to the highest digit
[>>++++++++++++++++++++++++++++++++++++++++++++++++.--------------------------
----------------------<<<<<<<<]
++++++++++.
