//! A foreign file's bytes, unpacked on the way.

use std::fmt;
use std::io::{self, BufReader, Chain, Cursor, Read, Seek, SeekFrom};

use flate2::read::MultiGzDecoder;
use zstd::stream::read::Decoder;

use crate::error::{DumpError, DumpErrorKind};

/// Unpacked bytes that one packed byte can stand for. Dumps in JSON shrink to a
/// tenth, very regular ones to a fortieth.
const MOST_PER_BYTE: u64 = 100;
/// Unpacked bytes that any packed file may have.
const ALWAYS_BYTES: u64 = 1 << 20;
/// Bytes that the format is told from.
const HEAD_BYTES: u64 = 1 << 16;
const BUFFER_BYTES: usize = 1 << 18;

/// What a window of zstd may be, as powers of 2: what levels up to 19 use, and
/// the decoder's own limit, which takes memory of its own and so a larger file.
const WINDOW_LOG: u32 = 23;
const LARGE_WINDOW_LOG: u32 = 27;
const LARGE_WINDOW_FROM_BYTES: u64 = 1 << 23;

/// A file's bytes from its beginning, unpacked, after a look at the first ones.
pub(super) type Input<R> = BufReader<Chain<Cursor<Vec<u8>>, Unpacked<R>>>;

/// Unpacks what gzip or zstd packed, and leaves the rest as it is.
///
/// Also gives the first bytes, which the input will give again.
///
/// # Errors
///
/// When the file cannot be read, and when these bytes are packed and damaged.
pub(super) fn open<R: Read + Seek>(mut reader: R) -> Result<(Input<R>, Vec<u8>), DumpError> {
    let bytes = reader.seek(SeekFrom::End(0))?;
    reader.rewind()?;
    let mut mark = Vec::new();
    (&mut reader).take(4).read_to_end(&mut mark)?;
    reader.rewind()?;
    let raw = match *mark {
        [0x1f, 0x8b, ..] => Raw::Gzip(Box::new(MultiGzDecoder::new(reader))),
        [0x28, 0xb5, 0x2f, 0xfd] => {
            let mut decoder = Decoder::new(reader)?;
            let large = bytes >= LARGE_WINDOW_FROM_BYTES;
            decoder.window_log_max(if large { LARGE_WINDOW_LOG } else { WINDOW_LOG })?;
            Raw::Zstd(Box::new(decoder))
        }
        _ => Raw::Plain(reader),
    };
    let most = bytes.saturating_mul(MOST_PER_BYTE).max(ALWAYS_BYTES);
    let mut unpacked = Unpacked { raw, done: 0, most };
    let mut head = Vec::new();
    (&mut unpacked).take(HEAD_BYTES).read_to_end(&mut head).map_err(dump_error)?;
    let input = Cursor::new(head.clone()).chain(unpacked);
    Ok((BufReader::with_capacity(BUFFER_BYTES, input), head))
}

/// How a file is packed.
enum Raw<R: Read> {
    Plain(R),
    Gzip(Box<MultiGzDecoder<R>>),
    Zstd(Box<Decoder<'static, BufReader<R>>>),
}

/// Unpacks, and refuses what grows beyond what any heap does.
pub(super) struct Unpacked<R: Read> {
    raw: Raw<R>,
    done: u64,
    most: u64,
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (name, read) = match &mut self.raw {
            Raw::Plain(reader) => return reader.read(buffer),
            Raw::Gzip(decoder) => ("gzip", decoder.read(buffer)),
            Raw::Zstd(decoder) => ("zstd", decoder.read(buffer)),
        };
        let read = match read {
            Ok(read) => read,
            Err(error)
                if error.raw_os_error().is_some() || error.kind() == io::ErrorKind::Interrupted =>
            {
                return Err(error);
            }
            Err(error) => {
                let reason = format!(
                    "{name}: expected intact data, found \"{error}\" after {} unpacked bytes",
                    self.done
                );
                return Err(Refusal(DumpErrorKind::Damaged { reason }).into());
            }
        };
        self.done += read as u64;
        if self.done > self.most {
            let reason = format!(
                "{name}: expected at most {} unpacked bytes of a file of this size, found more: \
                 unpack it first if it is a heap",
                self.most
            );
            return Err(Refusal(DumpErrorKind::Refused { reason }).into());
        }
        Ok(read)
    }
}

/// An error of ours on its way through readers that know only their own.
#[derive(Debug)]
struct Refusal(DumpErrorKind);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the packed data were refused")
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for io::Error {
    fn from(refusal: Refusal) -> Self {
        io::Error::other(refusal)
    }
}

/// What was wrong, where it was no fault of the system.
pub(super) fn dump_error(error: io::Error) -> DumpError {
    match error.downcast::<Refusal>() {
        Ok(Refusal(kind)) => kind.into(),
        Err(error) => error.into(),
    }
}
