//! Short forms of objects, read from memory: what a key or a value looks like.
//!
//! No `repr` runs: what is not a builtin scalar or a small tuple of them is
//! shown by its type's name.

use std::ffi::CStr;

use pyo3::ffi;

use crate::layout::{self, Object, Type};

/// Items of a tuple that are shown.
const MOST_ITEMS: isize = 6;

/// Appends the short form of a scalar, or says that the object is none.
///
/// # Safety
///
/// Attached; `object` is an object.
pub(crate) unsafe fn scalar(object: Object, most: usize, out: &mut Vec<u8>) -> bool {
    // SAFETY: the exact type tells the layout.
    unsafe {
        let ty = ffi::Py_TYPE(object);
        if ty == &raw mut ffi::PyUnicode_Type {
            quoted(object, most, out);
        } else if ty == &raw mut ffi::PyLong_Type {
            let mut beyond = 0;
            let value = ffi::PyLong_AsLongLongAndOverflow(object, &mut beyond);
            if beyond == 0 {
                out.extend_from_slice(value.to_string().as_bytes());
            } else {
                out.extend_from_slice(b"<int of more than 63 bits>");
            }
        } else if ty == &raw mut ffi::PyBool_Type {
            out.extend_from_slice(if object == ffi::Py_True() { b"True" } else { b"False" });
        } else if ty == &raw mut ffi::PyFloat_Type {
            float(ffi::PyFloat_AS_DOUBLE(object), out);
        } else if ty == &raw mut ffi::PyBytes_Type {
            let length = ffi::Py_SIZE(object) as usize;
            let data = ffi::PyBytes_AS_STRING(object).cast::<u8>();
            let shown = std::slice::from_raw_parts(data, length.min(most));
            out.extend_from_slice(b"b'");
            out.extend_from_slice(shown.escape_ascii().to_string().as_bytes());
            out.extend_from_slice(if shown.len() < length { "…'".as_bytes() } else { b"'" });
        } else if object == ffi::Py_None() {
            out.extend_from_slice(b"None");
        } else {
            return false;
        }
        true
    }
}

/// Appends how many items a builtin container has, or says that the object is none.
///
/// # Safety
///
/// Attached; `object` is an object.
pub(crate) unsafe fn items(object: Object, out: &mut Vec<u8>) -> bool {
    // SAFETY: the type's flags tell the layout; sizes are read, not asked.
    let count = unsafe {
        let ty = ffi::Py_TYPE(object);
        let is = |flag| layout::has_flags(ty, flag);
        if is(ffi::Py_TPFLAGS_LIST_SUBCLASS) || is(ffi::Py_TPFLAGS_TUPLE_SUBCLASS) {
            ffi::Py_SIZE(object)
        } else if is(ffi::Py_TPFLAGS_DICT_SUBCLASS) {
            ffi::PyDict_Size(object)
        } else if ffi::PyAnySet_Check(object) != 0 {
            ffi::PySet_Size(object)
        } else {
            return false;
        }
    };
    let word = if count == 1 { "item" } else { "items" };
    let count = snakeroot::view::grouped(count as u64);
    out.extend_from_slice(format!("{count} {word}").as_bytes());
    true
}

/// Appends a float as Python would write it: the fewest digits that mean it,
/// without the interpreter, whose function takes memory from its allocator.
fn float(value: f64, out: &mut Vec<u8>) {
    if value.is_nan() {
        return out.extend_from_slice(b"nan");
    }
    if value.is_infinite() {
        return out.extend_from_slice(if value > 0.0 { b"inf" } else { b"-inf" });
    }
    let exponent: i32 = format!("{value:e}")
        .rsplit_once('e')
        .and_then(|(_, exponent)| exponent.parse().ok())
        .unwrap_or_default();
    if value != 0.0 && !(-4..16).contains(&exponent) {
        let text = format!("{value:e}");
        let digits = text.split('e').next().unwrap_or_default();
        let sign = if exponent < 0 { '-' } else { '+' };
        out.extend_from_slice(format!("{digits}e{sign}{:02}", exponent.unsigned_abs()).as_bytes());
    } else {
        out.extend_from_slice(format!("{value:?}").as_bytes());
    }
}

/// Appends a str as Python would write it.
unsafe fn quoted(object: Object, most: usize, out: &mut Vec<u8>) {
    let mut text = Vec::new();
    // SAFETY: the caller's str.
    unsafe { layout::text::append(object, most, &mut text) };
    let text = String::from_utf8_lossy(&text);
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut shown = String::with_capacity(text.len() + 2);
    shown.push(quote);
    for character in text.chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            '\\' => shown.push_str("\\\\"),
            other if other == quote => {
                shown.push('\\');
                shown.push(other);
            }
            other if other.is_control() => shown.extend(other.escape_unicode()),
            other => shown.push(other),
        }
    }
    shown.push(quote);
    out.extend_from_slice(shown.as_bytes());
}

/// Appends the short form of any object: of a tuple its first items, of what
/// is no scalar the name of its type.
///
/// # Safety
///
/// Attached; `object` is an object.
pub(crate) unsafe fn short(object: Object, most: usize, out: &mut Vec<u8>) {
    // SAFETY: the exact type tells the layout; items of a tuple live with it.
    unsafe {
        if scalar(object, most, out) {
            return;
        }
        if ffi::PyTuple_CheckExact(object) == 0 {
            return type_form(ffi::Py_TYPE(object), out);
        }
        let count = ffi::PyTuple_GET_SIZE(object);
        out.push(b'(');
        for at in 0..count.min(MOST_ITEMS) {
            if at > 0 {
                out.extend_from_slice(b", ");
            }
            let item = ffi::PyTuple_GET_ITEM(object, at);
            if item.is_null() {
                out.extend_from_slice("…".as_bytes());
            } else if !scalar(item, most / 4, out) {
                type_form(ffi::Py_TYPE(item), out);
            }
        }
        out.extend_from_slice(match count {
            1 => b",)",
            _ if count > MOST_ITEMS => ", …)".as_bytes(),
            _ => b")",
        });
    }
}

/// Appends `<Name>`.
unsafe fn type_form(ty: Type, out: &mut Vec<u8>) {
    out.push(b'<');
    // SAFETY: the caller's type.
    unsafe { type_name(ty, crate::labels::MOST_CHARACTERS, out) };
    out.push(b'>');
}

/// Appends a type's `__name__`, of a class at most `most` characters.
///
/// # Safety
///
/// Attached; `ty` is a type.
pub(crate) unsafe fn type_name(ty: Type, most: usize, out: &mut Vec<u8>) {
    // SAFETY: a heap type's name is a str; another's a C string.
    unsafe {
        if layout::has_flags(ty, ffi::Py_TPFLAGS_HEAPTYPE) {
            let name = (*ty.cast::<ffi::PyHeapTypeObject>()).ht_name;
            layout::text::append(name, most, out);
        } else {
            let name = c_name(ty).to_bytes();
            let short = name.rsplit(|&byte| byte == b'.').next().unwrap_or(name);
            out.extend_from_slice(short);
        }
    }
}

/// A static type's name; one that was never made ready may have none.
unsafe fn c_name<'a>(ty: Type) -> &'a CStr {
    // SAFETY: the caller's type; its name lives as long.
    unsafe { if (*ty).tp_name.is_null() { c"?" } else { CStr::from_ptr((*ty).tp_name) } }
}

/// Whether `object` is a member or an attribute of a type written in C.
unsafe fn is_c_descriptor(object: Object) -> bool {
    // SAFETY: null or an object.
    !object.is_null()
        && unsafe {
            let ty = ffi::Py_TYPE(object);
            ty == &raw mut ffi::PyMemberDescr_Type || ty == &raw mut ffi::PyGetSetDescr_Type
        }
}

/// A type's `__module__` and `__qualname__`, of a class at most `most` characters each.
///
/// # Safety
///
/// Attached; `ty` is a type.
pub(crate) unsafe fn type_names(
    ty: Type,
    most: usize,
    probe: &crate::probe::Probe,
) -> (Box<str>, Box<str>) {
    let text = |bytes: Vec<u8>| -> Box<str> { String::from_utf8_lossy(&bytes).into() };
    // SAFETY: a heap type's names are str, its module stands in its dict; a
    // static type's C string has both.
    unsafe {
        if layout::has_flags(ty, ffi::Py_TPFLAGS_HEAPTYPE) {
            let (mut qualname, mut module) = (Vec::new(), Vec::new());
            let name = (*ty.cast::<ffi::PyHeapTypeObject>()).ht_qualname;
            layout::text::append(name, most, &mut qualname);
            let found = crate::types::type_attribute(ty, probe.words.module, probe);
            if !found.is_null() && ffi::PyUnicode_Check(found) != 0 {
                layout::text::append(found, most, &mut module);
            } else if is_c_descriptor(found) {
                // The attribute belongs to the instances, as with Cython's functions;
                // the C string that the type was made from still tells.
                let name = c_name(ty).to_bytes();
                if let Some(dot) = name.iter().rposition(|&byte| byte == b'.') {
                    module.extend(&name[..dot.min(most)]);
                }
            }
            (text(module), text(qualname))
        } else {
            let name = c_name(ty).to_string_lossy();
            match name.rsplit_once('.') {
                Some((module, qualname)) => (module.into(), qualname.into()),
                None => ("builtins".into(), name.as_ref().into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::float;

    #[test]
    fn floats_are_written_as_python_writes_them() {
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (1e-4, "0.0001"),
            (-1.25e-5, "-1.25e-05"),
            (5e-324, "5e-324"),
            (123456789012345680.0, "1.2345678901234568e+17"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            let mut text = Vec::new();
            float(value, &mut text);
            assert_eq!(String::from_utf8_lossy(&text), expected);
        }
    }
}
