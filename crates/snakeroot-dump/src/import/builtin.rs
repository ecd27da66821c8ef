//! Names of types as C code writes them, and which of them are Python's own.

/// The names of built-in types that have no module in front, in any version
/// from 2.7 to 3.15.
const NAMES: &str = "\
object type int long float complex bool str unicode bytes bytearray memoryview buffer \
list tuple dict dictproxy mappingproxy set frozenset range xrange slice ellipsis NoneType \
NotImplementedType property classmethod staticmethod super enumerate reversed zip map filter file \
module function builtin_function_or_method method instancemethod method-wrapper method_descriptor \
wrapper_descriptor classmethod_descriptor getset_descriptor member_descriptor classobj instance \
code frame traceback cell generator coroutine coroutine_wrapper async_generator \
async_generator_asend async_generator_athrow async_generator_wrapped_value weakref weakproxy \
weakcallableproxy PyCapsule dict_keys dict_values dict_items dict_keyiterator dict_valueiterator \
dict_itemiterator dict_reversekeyiterator dict_reversevalueiterator dict_reverseitemiterator \
list_iterator list_reverseiterator tuple_iterator set_iterator str_iterator str_ascii_iterator \
bytes_iterator bytearray_iterator range_iterator longrange_iterator memory_iterator \
callable_iterator iterator odict_iterator odict_keys odict_values odict_items managedbuffer \
moduledef fieldnameiterator formatteriterator EncodingMap stderrprinter line_iterator \
positions_iterator generic_alias_iterator anext_awaitable \
BaseException Exception ArithmeticError AssertionError AttributeError BaseExceptionGroup \
BlockingIOError BrokenPipeError BufferError BytesWarning ChildProcessError \
ConnectionAbortedError ConnectionError ConnectionRefusedError ConnectionResetError \
DeprecationWarning EOFError EncodingWarning FileExistsError FileNotFoundError \
FloatingPointError FutureWarning GeneratorExit ImportError ImportWarning IndentationError \
IndexError InterruptedError IsADirectoryError KeyError KeyboardInterrupt LookupError MemoryError \
ModuleNotFoundError NameError NotADirectoryError NotImplementedError OSError OverflowError \
PendingDeprecationWarning PermissionError ProcessLookupError RecursionError ReferenceError \
ResourceWarning RuntimeError RuntimeWarning StopAsyncIteration StopIteration SyntaxError \
SyntaxWarning SystemError SystemExit TabError TimeoutError TypeError UnboundLocalError \
UnicodeDecodeError UnicodeEncodeError UnicodeError UnicodeTranslateError UnicodeWarning \
UserWarning ValueError Warning ZeroDivisionError";

/// Module and name of a type by what C code calls it: the module of a static
/// type stands in the name, before its last point, and `builtins` is left out.
///
/// A class written in Python has no module there; what has the name of a
/// built-in type is taken for that one.
pub(super) fn split(name: &str) -> (&str, &str) {
    match name.rsplit_once('.') {
        Some((module, name)) if !module.is_empty() && !name.is_empty() => (module, name),
        _ if is_builtin(name) => ("builtins", name),
        _ => ("", name),
    }
}

/// Whether a built-in type has this name.
pub(super) fn is_builtin(name: &str) -> bool {
    NAMES.split_ascii_whitespace().any(|known| known == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_in_c_tell_a_module() {
        assert_eq!(split("dict"), ("builtins", "dict"));
        assert_eq!(split("collections.deque"), ("collections", "deque"));
        assert_eq!(split("Session"), ("", "Session"));
        assert_eq!(split("odd."), ("", "odd."));
    }
}
