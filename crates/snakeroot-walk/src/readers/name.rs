//! The names of modules, types, functions, code objects and generators.

use pyo3::ffi;

use crate::layout::{self, Object, Type};
use crate::preview;
use crate::sink::Sink;
use crate::types::Named;
use crate::walker::Walker;

impl<S: Sink> Walker<'_, S> {
    /// Keeps the name of a module, type, function, code object or generator.
    #[inline(never)]
    pub(crate) unsafe fn name(&mut self, object: Object, place: usize, at: usize) {
        // SAFETY: by what is known of the object's type.
        unsafe {
            match self.infos[place].named {
                Named::No => {}
                Named::Type => {
                    let ty: Type = object.cast();
                    if !layout::has_flags(ty, ffi::Py_TPFLAGS_HEAPTYPE) {
                        self.static_types.push(at as u32);
                    }
                    let (_, name) = preview::type_names(ty, crate::MOST_NAME, self.probe);
                    self.names.add(at, |out| out.extend_from_slice(name.as_bytes()));
                }
                Named::Module => {
                    let dict = ffi::PyModule_GetDict(object);
                    let wanted = self.probe.words.name;
                    let mut name = std::ptr::null_mut();
                    if !dict.is_null() && self.probe.readers.dict {
                        name = layout::dict::get_identical(dict, wanted);
                    } else if !dict.is_null() {
                        crate::own::for_each_item(dict, |key, value| {
                            name = if key == wanted { value } else { name };
                        });
                    }
                    if !name.is_null() && ffi::PyUnicode_Check(name) != 0 {
                        self.names.add(at, |out| layout::text::append(name, 400, out));
                    }
                }
                Named::Frame(offset) => {
                    let code: Object = layout::read(object.cast(), offset as isize);
                    let line = ffi::PyFrame_GetLineNumber(object.cast());
                    let name = crate::threads::frame_name(code, Some(line));
                    self.names.add(at, |out| out.extend_from_slice(name.as_bytes()));
                }
                Named::Word(offset) => {
                    self.parts_of_code(object, place, at);
                    let name: Object = layout::read(object.cast(), offset as isize);
                    if !name.is_null() && ffi::PyUnicode_Check(name) != 0 {
                        self.names.add(at, |out| layout::text::append(name, 400, out));
                    }
                }
            }
        }
    }
}
