Prints a greeting
The loop sets three cells near the letters they print: capitals and small letters and blanks
++++++++++[>+++++++>++++++++++>++++>+<<<<-]
>++.                                      H
>+.                                       e
+++++++..                                 l l
+++.                                      o
>++++.                                    comma
------------.                             blank
>[-]<<++++++++.                           w
--------.                                 o
+++.                                      r
------.                                   l
--------.                                 d
>+.                                       exclamation mark
[-]++++++++++.                            line feed
