//! What a program acts on: the tape, its input and its output.
//!
//! The tape starts short and doubles when the program walks off its right end, up to a limit.
//! Output is buffered. The buffer is written out when it is full, before the program waits for
//! input, at each line end on a terminal, and by [`Machine::flush`].
//!
//! Invariants: `tape-not-empty` (the first cell always exists), `within-limit` (the tape never has
//! more than `Options::tape_limit` cells), `prompt-before-read` (no read blocks while output waits).
//! Not here: the position on the tape; it belongs to the interpreter.

use jitgen_core::Traced;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};

use crate::error::Problem;

/// Cells of a fresh tape, unless the limit is lower.
const FIRST_CELLS: usize = 4096;

/// Bytes gathered before they are written.
const OUTPUT_BUFFER: usize = 64 * 1024;

/// What a user can choose.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The largest number of cells; zero counts as one.
    pub tape_limit: usize,
    /// What `,` does at the end of the input.
    pub eof: Eof,
    /// Write the output at each line end, as someone who watches it expects.
    pub flush_lines: bool,
}

/// What `,` does at the end of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eof {
    /// The cell becomes 0.
    Zero,
    /// The cell becomes 255, which is minus one.
    MinusOne,
    /// The cell keeps its value.
    Unchanged,
}

impl Default for Options {
    fn default() -> Options {
        Options { tape_limit: 256 << 20, eof: Eof::Zero, flush_lines: false }
    }
}

/// Tape, input and output of one run.
#[derive(Traced)]
pub struct Machine {
    /// The cells that exist so far.
    pub tape: Vec<u8>,
    tape_limit: usize,
    input: Input,
    output: Output,
}

impl Machine {
    /// A machine with a zeroed tape.
    pub fn new(
        options: Options,
        input: impl Read + 'static,
        output: impl Write + 'static,
    ) -> Machine {
        let tape_limit = options.tape_limit.max(1);
        let writer: Box<dyn Write> = Box::new(output);
        Machine {
            tape: vec![0; FIRST_CELLS.min(tape_limit)],
            tape_limit,
            input: Input { reader: BufReader::new(Box::new(input)), eof: options.eof },
            output: Output {
                writer: BufWriter::with_capacity(OUTPUT_BUFFER, writer),
                flush_lines: options.flush_lines,
            },
        }
    }

    /// Makes the tape longer by at least one cell.
    pub fn grow(&mut self) -> Result<(), Problem> {
        let cells = self.tape.len().saturating_mul(2).min(self.tape_limit);
        let more = cells - self.tape.len();
        if more == 0 {
            return Err(Problem::TapeLimit { limit: self.tape_limit });
        }
        // Ask first: running out of memory in `resize` would abort and lose the buffered output.
        self.tape.try_reserve_exact(more).map_err(|_| Problem::OutOfMemory { cells })?;
        self.tape.resize(cells, 0);
        Ok(())
    }

    /// Reads a byte; at the end of the input the result depends on the convention and on `current`.
    pub fn read(&mut self, current: u8) -> Result<u8, Problem> {
        if self.input.reader.buffer().is_empty() {
            self.flush()?;
        }
        let byte = self.input.read().map_err(|error| Problem::Input(error.into()))?;
        Ok(byte.unwrap_or(match self.input.eof {
            Eof::Zero => 0,
            Eof::MinusOne => 255,
            Eof::Unchanged => current,
        }))
    }

    /// Writes a byte into the buffer.
    pub fn write(&mut self, byte: u8) -> Result<(), Problem> {
        self.output.write(byte).map_err(|error| Problem::Output(error.into()))
    }

    /// Writes out what is in the buffer.
    pub fn flush(&mut self) -> Result<(), Problem> {
        self.output.writer.flush().map_err(|error| Problem::Output(error.into()))
    }
}

struct Input {
    reader: BufReader<Box<dyn Read>>,
    eof: Eof,
}

impl Input {
    /// The next byte, or `None` at the end.
    fn read(&mut self) -> io::Result<Option<u8>> {
        let byte = loop {
            match self.reader.fill_buf() {
                Ok(bytes) => break bytes.first().copied(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
        };
        if byte.is_some() {
            self.reader.consume(1);
        }
        Ok(byte)
    }
}

struct Output {
    writer: BufWriter<Box<dyn Write>>,
    flush_lines: bool,
}

impl Output {
    fn write(&mut self, byte: u8) -> io::Result<()> {
        self.writer.write_all(&[byte])?;
        if self.flush_lines && byte == b'\n' {
            self.writer.flush()?;
        }
        Ok(())
    }
}
