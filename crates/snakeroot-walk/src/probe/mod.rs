//! What this interpreter is like: found out by trying, once, at import.
//!
//! Layouts differ between versions and patch levels. Each reader is tried on
//! objects whose insides are known (`probe.py`); one that fails is switched
//! off, named in a notice, and the public, slower way takes its place. Offsets
//! that no header tells are found by looking for known pointers in the words
//! of an object.

mod offsets;
mod trials;

use std::collections::HashMap;
use std::ffi::CString;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyFrozenSet, PyList, PyModule, PyTuple, PyType};

use crate::layout::{self, Object, Type};
use crate::lists::Lists;
use crate::optional::{Optional, Special};
use crate::segments;

pub(crate) use offsets::find_words;

/// Bits in a pointer that are not part of the address (3.14 and later tag some).
const TAG_BITS: usize = 7;

/// A word of an object and what it is called.
pub(crate) type Field = (usize, Box<str>);

/// How a running frame lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameLayout {
    /// From the thread state to the frame, or to what points to it.
    pub(crate) thread: usize,
    /// Where there is one step between: from there to the frame.
    pub(crate) through: Option<usize>,
    /// From the frame to its code.
    pub(crate) code: usize,
    /// From the frame to the one below.
    pub(crate) previous: usize,
    /// From the frame to its first local.
    pub(crate) locals: usize,
    /// From the frame to the address of its instruction.
    pub(crate) instruction: Option<usize>,
    /// From the frame to where its value stack ends: an address, before 3.14 how
    /// many locals and values there are.
    pub(crate) stack_end: Option<usize>,
}

impl FrameLayout {
    /// How many of the `places` of a frame's value stack are in use; `None`
    /// where the frame does not say, as before 3.14 one that C code runs for.
    ///
    /// # Safety
    ///
    /// `frame` is a frame with `count` locals.
    pub(crate) unsafe fn used_places(
        &self,
        frame: *const u8,
        count: usize,
        places: usize,
    ) -> Option<usize> {
        let stack_end = self.stack_end? as isize;
        // SAFETY: a word of the frame.
        let used = unsafe {
            if cfg!(Py_3_14) {
                let end: usize = layout::read(frame, stack_end);
                end.checked_sub(frame as usize + self.locals + count * layout::WORD)? / layout::WORD
            } else {
                let end: i32 = layout::read(frame, stack_end);
                usize::try_from(end).ok()?.checked_sub(count)?
            }
        };
        (used <= places).then_some(used)
    }
}

/// What was found out about the running interpreter.
pub struct Probe {
    pub(crate) lists: Option<Lists>,
    /// The interpreter that was probed: what was found holds in no other.
    interpreter: i64,
    /// Where the collector says that it is at work.
    collecting: Option<usize>,
    pub(crate) traverse: Traverse,
    pub(crate) readers: Readers,
    pub(crate) sizes: Sizes,
    pub(crate) fields: HashMap<usize, Vec<Field>>,
    /// From a weak reference's type to the word that holds the referent.
    pub(crate) weak: HashMap<usize, usize>,
    /// The type of deques, if traverse visits their items in order.
    pub(crate) deque: Option<usize>,
    /// The dicts of static types that keep them elsewhere (3.12 and later).
    pub(crate) type_dicts: HashMap<usize, usize>,
    pub(crate) frames: Option<FrameLayout>,
    /// In a frame object, the word that points to its own data and where those
    /// start (3.11 and later).
    pub(crate) frame_own: Option<(usize, usize)>,
    /// From a thread state to its running frame, where that is an object (before 3.11).
    pub(crate) frame_object: Option<usize>,
    /// From a code object to the tuples with the names of its locals, in order.
    pub(crate) local_names: Vec<usize>,
    /// From a code object to the copies of its instructions that threads run,
    /// on free-threaded builds.
    pub(crate) code_copies: Option<usize>,
    /// From a thread state to its `threading.get_ident`.
    pub(crate) thread_ident: Option<usize>,
    /// From a code object to how many places its frames' value stack has.
    pub(crate) stack_size: Option<usize>,
    /// From a code object to how many positional parameters it has.
    pub(crate) parameters: Option<usize>,
    /// The dict of all interned strings, where the collector tracks it (3.14
    /// and later): it keeps none of them alive.
    pub(crate) interned: Option<usize>,
    pub(crate) words: Words,
    /// Where the interpreter keeps the memory of lists and dicts that are gone.
    pub(crate) free_lists: Vec<Range<usize>>,
    /// What types have for `__sizeof__`, where their dicts cannot be read.
    #[cfg(Py_GIL_DISABLED)]
    pub(crate) size_methods: HashMap<usize, usize>,
    /// Where references are that an object's own count does not show.
    #[cfg(Py_GIL_DISABLED)]
    pub(crate) uncounted: Option<crate::uncounted::Layout>,
    /// Objects that are kept alive from here.
    pub(crate) held: Vec<usize>,
    /// A type that came with the binding.
    pub(crate) own: usize,
    notices: Vec<String>,
    /// Words with a reference that traverse does not visit, by type.
    strong: HashMap<usize, Vec<Field>>,
    /// Types of modules that need not be there.
    optional: Optional,
}

/// The traverse functions by which a type's kind is told.
#[derive(Clone, Copy)]
pub(crate) struct Traverse {
    pub(crate) instance: Option<ffi::traverseproc>,
    pub(crate) ty: Option<ffi::traverseproc>,
    pub(crate) list: Option<ffi::traverseproc>,
    pub(crate) tuple: Option<ffi::traverseproc>,
    pub(crate) dict: Option<ffi::traverseproc>,
    pub(crate) set: Option<ffi::traverseproc>,
}

/// Which readers may be used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Readers {
    pub(crate) sequence: bool,
    pub(crate) dict: bool,
    pub(crate) set: bool,
    pub(crate) instance: bool,
    pub(crate) text: bool,
    pub(crate) int: bool,
    pub(crate) generator: bool,
}

/// A C function behind a `__sizeof__`.
pub(crate) type SizeFunction = unsafe extern "C" fn(Object, Object) -> Object;

/// Which sizes may be computed, and by what their types are told.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) object: Option<SizeFunction>,
    pub(crate) list: bool,
    pub(crate) dict: bool,
    pub(crate) set: bool,
    pub(crate) text: bool,
    pub(crate) int: bool,
    pub(crate) plain: bool,
    /// The function of `BytesIO`, if its size can be computed instead.
    #[cfg(Py_GIL_DISABLED)]
    pub(crate) bytes_io: Option<SizeFunction>,
    /// Digits that an int of value 0 is counted with.
    pub(crate) least_digits: usize,
    /// What `sys.getsizeof` adds for a static type.
    pub(crate) static_type_header: u64,
}

/// Interned strings that are looked for in the dicts of types.
#[derive(Clone, Copy)]
pub(crate) struct Words {
    pub(crate) size_of: Object,
    pub(crate) module: Object,
    pub(crate) name: Object,
}

// SAFETY: the pointers are compared and called only with the interpreter
// attached; the strings and dicts are kept alive for good.
unsafe impl Send for Probe {}
// SAFETY: as above; nothing here changes after `Probe::new`.
unsafe impl Sync for Probe {}

impl Probe {
    /// Tries everything. Runs Python code of our own, so not during a walk.
    pub fn new(py: Python<'_>) -> PyResult<Self> {
        // What is made meanwhile stays young, and so can be given back at the end.
        let collector = crate::pause::Collector::pause();
        let source = CString::new(include_str!("probe.py")).expect("the source has no NUL");
        let samples = PyModule::from_code(py, &source, c"probe.py", c"_snakeroot_probe")?;
        let mut notices = Vec::new();
        let why = |name: &str| match wanted(name) {
            true => "they do not lie as expected".to_owned(),
            false => format!("{WITHOUT} asks for that"),
        };
        let wants = cfg!(Py_GIL_DISABLED) || wanted("gc lists");
        let lists = Some(()).filter(|()| wants).and_then(|()| Lists::find(py));
        // Of a stopped world there is no other way.
        let agree = |lists: &Lists| trials::lists_agree(py, lists) || cfg!(Py_GIL_DISABLED);
        let lists = lists.filter(agree);
        if lists.is_none() {
            notices.push(format!(
                "the collector's lists are left, and gc.get_objects asked: {}",
                why("gc lists")
            ));
        }
        let of = |ty: Bound<'_, PyType>| ty.as_type_ptr();
        crate::ask::keep_functions(py)?;
        // SAFETY: types that live as long as the interpreter, or as `samples`.
        let traverse = unsafe {
            Traverse {
                instance: (*of(samples.getattr("Plain")?.cast_into()?)).tp_traverse,
                ty: (*of(py.get_type::<PyType>())).tp_traverse,
                list: (*of(py.get_type::<PyList>())).tp_traverse,
                tuple: (*of(py.get_type::<PyTuple>())).tp_traverse,
                dict: (*of(py.get_type::<PyDict>())).tp_traverse,
                set: (*of(py.get_type::<PyFrozenSet>())).tp_traverse,
            }
        };
        let mut readers = Readers {
            sequence: wanted("list, tuple")
                && trials::sequences_agree(&samples.call_method0("sequences")?)?,
            dict: wanted("dict") && trials::dicts_agree(&samples.call_method0("dicts")?)?,
            set: wanted("set") && trials::sets_agree(&samples.call_method0("sets")?)?,
            instance: false,
            text: wanted("str") && trials::texts_agree(&samples.call_method0("strings")?)?,
            int: wanted("int") && trials::ints_agree(py)?,
            generator: false,
        };
        layout::text::READABLE.store(readers.text, Ordering::Relaxed);
        readers.instance = wanted("instance attributes")
            && readers.dict
            && trials::instances_agree(&samples.call_method0("instances")?)?;
        let local_names = offsets::local_names(&samples)?;
        readers.generator = wanted("generator locals")
            && !local_names.is_empty()
            && trials::generators_agree(&samples.call_method0("generators")?)?;
        for (works, name, what) in [
            (readers.sequence, "list, tuple", "lists and tuples"),
            (readers.dict, "dict", "dicts"),
            (readers.set, "set", "sets"),
            (readers.instance, "instance attributes", "instance attributes"),
            (readers.text, "str", "str"),
            (readers.int, "int", "int"),
        ] {
            if !works {
                let why = why(name);
                notices.push(format!("{what} are read through the public interface: {why}"));
            }
        }
        let words = Words {
            size_of: kept(pyo3::types::PyString::intern(py, "__sizeof__").into_any()),
            module: kept(pyo3::types::PyString::intern(py, "__module__").into_any()),
            name: kept(pyo3::types::PyString::intern(py, "__name__").into_any()),
        };
        let offsets::Words { fields, strong, weak } = offsets::fields(&samples, &local_names)?;
        samples.call_method0("close_coroutines")?;
        let mut probe = Self {
            interned: lists.as_ref().and_then(|lists| offsets::interned_table(py, lists)),
            lists,
            interpreter: crate::ask::interpreter(py),
            collecting: lists.and_then(|lists| offsets::collecting(py, &lists)),
            traverse,
            readers,
            sizes: Sizes {
                object: None,
                list: false,
                dict: false,
                set: false,
                text: false,
                int: false,
                plain: false,
                #[cfg(Py_GIL_DISABLED)]
                bytes_io: None,
                least_digits: 1,
                static_type_header: 0,
            },
            fields,
            weak,
            deque: offsets::deque_type(&samples)?,
            type_dicts: offsets::type_dicts(py)?,
            frames: None,
            frame_object: None,
            frame_own: None,
            local_names,
            code_copies: offsets::code_copies(&samples)?,
            thread_ident: offsets::thread_ident(py)?,
            parameters: offsets::code_member(&samples, c"co_argcount")?,
            stack_size: offsets::code_member(&samples, c"co_stacksize")?,
            words,
            free_lists: free_lists(),
            #[cfg(Py_GIL_DISABLED)]
            size_methods: match readers.dict {
                true => HashMap::new(),
                false => offsets::size_methods(py)?,
            },
            #[cfg(Py_GIL_DISABLED)]
            uncounted: None,
            held: KEPT.lock().map(|all| all.clone()).unwrap_or_default(),
            own: py.get_type::<pyo3::panic::PanicException>().as_ptr() as usize,
            notices,
            strong,
            optional: Optional::new(),
        };
        probe.sizes = trials::sizes(py, &samples, &readers, &mut probe.notices)?;
        if wanted("running frames") {
            (probe.frames, probe.frame_object) = offsets::frames(&samples)?;
            if let Some(frames) = &mut probe.frames
                && probe.readers.generator
                && wanted("value stacks")
            {
                frames.stack_end = offsets::stack_end(&samples, frames.locals)?;
            }
            if probe.frames.is_some_and(|frames| frames.stack_end.is_none()) {
                let why = why("value stacks");
                probe.notices.push(format!("value stacks of frames are taken for full: {why}"));
            }
        }
        probe.frame_own = offsets::frame_own(&samples, &probe)?;
        if probe.frames.is_none() && probe.frame_object.is_none() {
            let why = why("running frames");
            probe.notices.push(format!("local variables of running frames are not seen: {why}"));
        }
        #[cfg(Py_GIL_DISABLED)]
        {
            let frames = probe.frames.filter(|frames| wanted(COUNTS) && frames.stack_end.is_some());
            probe.uncounted = frames.and_then(|_| crate::uncounted::Layout::find(&samples));
            if probe.uncounted.is_none() {
                probe.notices.push(format!(
                    "what C holds and what is garbage is not told: references that are not \
                     counted cannot be found: {}",
                    why(COUNTS)
                ));
            }
        }
        COROUTINE.set(py, samples.getattr("coroutine")?.unbind()).ok();
        // The samples' module goes, and with it all that it made.
        py.import("sys")?.getattr("modules")?.call_method1("pop", (samples.name()?, py.None()))?;
        samples.dict().clear();
        // Classes and frames hold each other: only a collection frees them.
        drop(samples);
        drop(collector);
        py.import("gc")?.call_method1("collect", (0,))?;
        Ok(probe)
    }

    /// Looks at modules that were imported since the last time. Runs code, so
    /// not during a walk.
    pub fn look_again(&self, py: Python<'_>) {
        self.optional.look_again(py);
    }

    /// Names of words of a type's instances, without those of its bases.
    pub(crate) fn fields_of(&self, ty: Type) -> impl Iterator<Item = &Vec<Field>> {
        let late = self.optional.known().map(|known| &known.fields);
        std::iter::once(&self.fields).chain(late).filter_map(move |all| all.get(&(ty as usize)))
    }

    /// Words of a type's instances with references that traverse does not
    /// visit, without those of its bases.
    pub(crate) fn strong_of(&self, ty: Type) -> impl Iterator<Item = &Vec<Field>> {
        let late = self.optional.known().map(|known| &known.strong);
        std::iter::once(&self.strong).chain(late).filter_map(move |all| all.get(&(ty as usize)))
    }

    /// What only a type's own module knows of its instances.
    ///
    /// # Safety
    ///
    /// `ty` is a type.
    pub(crate) unsafe fn special(&self, ty: Type) -> Special {
        // SAFETY: as the caller promises.
        unsafe { self.optional.special(ty) }
    }

    /// Whether the calling interpreter is the one that was probed.
    pub fn is_here(&self, py: Python<'_>) -> bool {
        self.interpreter == crate::ask::interpreter(py)
    }

    /// Whether the collector is at work: then what it takes for garbage is in
    /// none of its lists. `false` where that cannot be told.
    pub(crate) fn is_collecting(&self) -> bool {
        // SAFETY: the interpreter's own int, by what `offsets::collecting` found.
        self.collecting
            .is_some_and(|at| unsafe { layout::read::<std::ffi::c_int>(at as *const u8, 0) != 0 })
    }

    /// Whether all references are counted, or where they are found that are not.
    pub(crate) fn counts_are_known(&self) -> bool {
        #[cfg(Py_GIL_DISABLED)]
        return self.uncounted.is_some();
        #[cfg(not(Py_GIL_DISABLED))]
        true
    }

    /// How objects are found: in `gc lists`, by `gc.get_objects`, or on
    /// free-threaded builds by a visit of the `stopped world`.
    pub fn enumeration(&self) -> &'static str {
        if cfg!(Py_GIL_DISABLED) {
            "stopped world"
        } else if self.lists.is_some() {
            "gc lists"
        } else {
            "gc.get_objects"
        }
    }

    /// What does not work as it should here, a sentence each.
    pub fn notices(&self) -> Vec<String> {
        let late = self.optional.known().filter_map(|known| known.notice.clone());
        self.notices.iter().cloned().chain(late).collect()
    }

    /// Each reader by name and whether it may be used.
    pub fn readers(&self) -> Vec<(&'static str, bool)> {
        // Before 3.11 frames are objects, whose stacks are read with their locals.
        let of_objects = self.frame_object.is_some() && wanted("value stacks");
        let stacks = self.frames.map_or(of_objects, |frames| frames.stack_end.is_some());
        [
            (
                if cfg!(Py_GIL_DISABLED) { "stopped world" } else { "gc lists" },
                self.lists.is_some(),
            ),
            ("list, tuple", self.readers.sequence),
            ("dict", self.readers.dict),
            ("set", self.readers.set),
            ("instance attributes", self.readers.instance),
            ("str", self.readers.text),
            ("int", self.readers.int),
            ("generator locals", self.readers.generator),
            ("running frames", self.frames.is_some() || self.frame_object.is_some()),
            ("value stacks", stacks),
            ("size of list", self.sizes.list),
            ("size of dict", self.sizes.dict),
            ("size of set", self.sizes.set),
            ("size of str", self.sizes.text),
            ("size of int", self.sizes.int),
            ("size of plain objects", self.sizes.plain),
        ]
        .into_iter()
        .chain(cfg!(Py_GIL_DISABLED).then_some((COUNTS, self.counts_are_known())))
        .chain(self.optional.tried())
        .collect()
    }
}

/// The reader of references that an object's own count does not show, which
/// there are on free-threaded builds only.
const COUNTS: &str = "counts by thread";

/// Where the memory of lists and dicts is kept that are gone, up to 3.13 in
/// arrays whose unused places still lead to what took some of it since.
fn free_lists() -> Vec<Range<usize>> {
    /// More than are kept.
    const MADE: usize = 200;
    if cfg!(Py_3_14) {
        return Vec::new();
    }
    // SAFETY: attached.
    let state = unsafe { ffi::PyInterpreterState_Get() } as usize;
    let segments = segments::of_process(state, &raw const ffi::PyType_Type as usize);
    // SAFETY: attached, as of the other.
    let list = || unsafe { ffi::PyList_New(0) };
    // SAFETY: attached.
    let dict = || unsafe { ffi::PyDict_New() };
    let makers: [&dyn Fn() -> layout::Object; 2] = [&list, &dict];
    let find = |make: &dyn Fn() -> layout::Object| {
        let made: Vec<layout::Object> = (0..MADE).map(|_| make()).collect();
        let gone = made.iter().map(|&object| object as usize).filter(|&it| it != 0).collect();
        // SAFETY: new objects of ours, and nobody else's, or null.
        made.into_iter().for_each(|object| unsafe { ffi::Py_XDECREF(object) });
        segments::free_list(&segments, &gone)
    };
    makers.into_iter().filter_map(find).collect()
}

/// A coroutine function of ours, for trying tasks.
static COROUTINE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// A coroutine that was not started.
pub(crate) fn coroutine(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let function = COROUTINE.get(py);
    let function = function.ok_or_else(|| PyRuntimeError::new_err("nothing was tried yet"))?;
    function.bind(py).call1((py.None(),))
}

/// Names of readers and sizes that are to be left alone, as `snakeroot doctor`
/// has them, with semicolons between; or `all`.
pub(crate) const WITHOUT: &str = "SNAKEROOT_WITHOUT";

/// Whether a reader may be tried at all.
pub(crate) fn wanted(name: &str) -> bool {
    let without = std::env::var(WITHOUT).unwrap_or_default();
    !without.split(';').any(|each| each.trim() == name || each.trim() == "all")
}

/// References that are never given back; a walk knows of them.
static KEPT: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// Keeps a reference for good and gives the address.
pub(crate) fn kept(object: Bound<'_, PyAny>) -> Object {
    let object = object.into_ptr();
    if let Ok(mut all) = KEPT.lock() {
        all.push(object as usize);
    }
    object
}
