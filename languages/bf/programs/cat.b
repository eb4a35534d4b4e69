Copies its input to its output up to the end or a byte 0 or 255

So it works with every convention for the end: the cell is cleared before each read which makes
unchanged the same as zero and the added one makes 255 zero

Cells: 0 the byte   1 whether it was printed

,+[
    -[.[-]>+<]                            print unless zero
    >[-<,+>]<                             read on if something was printed
]
