Shifts letters by thirteen places and copies everything else; a zero byte or the end is the end

Cells: 0 counter   1 what is left of the byte   2 flag   3 always 0   4 the byte to print
Each step lowers cell 1 by a distance but not below zero
What is then left tells that the byte lies above a boundary and the byte to print is corrected

>,[
    [->+>>+<<<]>[-<+>]<                   copy the byte to cell 4
    above the sign before A: up
    <++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++[->>+<[->-]>[
    ->]<<<]>>+<[>->>+++++++++++++<<]>[->]<<
    above M: down
    <+++++++++++++[->>+<[->-]>[->]<<<]>>+<[>->>--------------------------<<]>[->]<
    <
    <+++++++++++++[->>+<[->-]>[->]<<<]>>+<[>->>+++++++++++++<<]>[->]<<  above Z: as it was
    <++++++[->>+<[->-]>[->]<<<]>>+<[>->>+++++++++++++<<]>[->]<<  above the sign before small a: up
    above small m: down
    <+++++++++++++[->>+<[->-]>[->]<<<]>>+<[>->>--------------------------<<]>[->]<
    <
    <+++++++++++++[->>+<[->-]>[->]<<<]>>+<[>->>+++++++++++++<<]>[->]<<  above small z: as it was
    [-]>>>.[-]<<<,
]
