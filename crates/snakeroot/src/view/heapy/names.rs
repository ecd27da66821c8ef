//! heapy's names for types, kinds and relations.

use crate::analysis::heapy::{HeldBy, Kind, Relation, TypeKey};

use super::repr::python_repr;

/// Types of `builtins` that have a name there; others are shown with the module.
const BUILTIN: &str = "ArithmeticError AssertionError AttributeError BaseException \
    BaseExceptionGroup BlockingIOError BrokenPipeError BufferError BytesWarning ChildProcessError \
    ConnectionAbortedError ConnectionError ConnectionRefusedError ConnectionResetError \
    DeprecationWarning EOFError EncodingWarning Exception ExceptionGroup FileExistsError \
    FileNotFoundError FloatingPointError FutureWarning GeneratorExit ImportCycleError ImportError \
    ImportWarning IndentationError IndexError InterruptedError IsADirectoryError KeyError \
    KeyboardInterrupt LookupError MemoryError ModuleNotFoundError NameError NotADirectoryError \
    NotImplementedError OSError OverflowError PendingDeprecationWarning PermissionError \
    ProcessLookupError PythonFinalizationError RecursionError ReferenceError ResourceWarning \
    RuntimeError RuntimeWarning StopAsyncIteration StopIteration SyntaxError SyntaxWarning \
    SystemError SystemExit TabError TimeoutError TypeError UnboundLocalError UnicodeDecodeError \
    UnicodeEncodeError UnicodeError UnicodeTranslateError UnicodeWarning UserWarning ValueError \
    Warning ZeroDivisionError _IncompleteInputError bool bytearray bytes classmethod complex dict \
    enumerate filter float frozendict frozenset int list map memoryview object property range \
    reversed set slice staticmethod str super tuple type zip";

/// Types that the module `types` has a name for: their own names, and that one.
const NAMED: [(&str, &str); 27] = [
    ("builtins.FrameLocalsProxy", "types.FrameLocalsProxyType"),
    ("builtins.NoneType", "types.NoneType"),
    ("builtins.NotImplementedType", "types.NotImplementedType"),
    ("builtins.PyCapsule", "types.CapsuleType"),
    ("builtins.async_generator", "types.AsyncGeneratorType"),
    ("builtins.builtin_function_or_method", "types.BuiltinMethodType"),
    ("builtins.cell", "types.CellType"),
    ("builtins.classmethod_descriptor", "types.ClassMethodDescriptorType"),
    ("builtins.code", "types.CodeType"),
    ("builtins.coroutine", "types.CoroutineType"),
    ("builtins.ellipsis", "types.EllipsisType"),
    ("builtins.frame", "types.FrameType"),
    ("builtins.function", "types.LambdaType"),
    ("builtins.generator", "types.GeneratorType"),
    ("builtins.getset_descriptor", "types.GetSetDescriptorType"),
    ("builtins.lazy_import", "types.LazyImportType"),
    ("builtins.mappingproxy", "types.MappingProxyType"),
    ("builtins.member_descriptor", "types.MemberDescriptorType"),
    ("builtins.method", "types.MethodType"),
    ("builtins.method-wrapper", "types.MethodWrapperType"),
    ("builtins.method_descriptor", "types.MethodDescriptorType"),
    ("builtins.module", "types.ModuleType"),
    ("builtins.traceback", "types.TracebackType"),
    ("builtins.wrapper_descriptor", "types.WrapperDescriptorType"),
    ("typing.Union", "types.UnionType"),
    ("_frozen_importlib.BuiltinImporter", "__loader__"),
    ("types.GenericAlias", "types.GenericAlias"),
];

/// A type's name as heapy prints it: `function`, `list`, `types.CodeType`, `app.Session`.
///
/// The last part of the qualified name stands for `__name__`.
pub fn type_name(module: &str, qualname: &str) -> String {
    match (module, qualname) {
        ("builtins", "function") => "function".into(),
        ("builtins", "module") => "module".into(),
        _ => full_type_name(module, qualname),
    }
}

/// The same, with modules and functions by their names in `types` too.
pub fn full_type_name(module: &str, qualname: &str) -> String {
    let short = qualname.rsplit('.').next().unwrap_or(qualname);
    if module == "builtins" && BUILTIN.split_ascii_whitespace().any(|name| name == qualname) {
        return qualname.into();
    }
    let full = format!("{module}.{short}");
    match NAMED.into_iter().find(|(own, _)| *own == full) {
        Some((_, name)) => name.into(),
        None if module.is_empty() => format!("<unknown module>.{short}"),
        None => full,
    }
}

/// What the kinds of a relation are, as a table's header says it.
pub fn relation_header(relation: &Relation) -> String {
    header(relation, "")
}

fn header(relation: &Relation, context: &str) -> String {
    match relation {
        Relation::Unity => "<unclassified>".into(),
        Relation::Type => "Type".into(),
        Relation::Clodo => "Kind (class / dict of class)".into(),
        Relation::Size => "Individual Size".into(),
        Relation::Id => "Object Identity".into(),
        Relation::Idset => "by identity set".into(),
        Relation::Module => "Module".into(),
        Relation::Prod => "Producer (line of allocation)".into(),
        Relation::Via => match context {
            "" => "Referred Via:".into(),
            "and" => "{Referred Via}".into(),
            _ => "Referred Via".into(),
        },
        Relation::DictOf(owner) => format!("Dict of {}", header(owner, context)),
        Relation::ReferredBy(kinds) => {
            let text = format!("Referrers by {}", header(kinds, context));
            if context.is_empty() { text } else { format!("{{{text}}}") }
        }
        Relation::And(parts) => {
            let parts: Vec<String> = parts.iter().map(|part| header(part, "and")).collect();
            let text = parts.join(" & ");
            if context == "and" { format!("({text})") } else { text }
        }
    }
}

/// A kind as the row of a table by its relation shows it.
pub fn kind_name(relation: &Relation, kind: &Kind) -> String {
    name(relation, kind, "")
}

fn name(relation: &Relation, kind: &Kind, context: &str) -> String {
    let nested = !context.is_empty();
    match (relation, kind) {
        (Relation::Size, Kind::Size(size)) if nested => size.to_string(),
        (Relation::Size, Kind::Size(size)) => format!("{size:9}"),
        (Relation::DictOf(owner), Kind::DictOf(kind)) if **kind != Kind::Nothing => {
            format!("dict of {}", name(owner, kind, context))
        }
        (Relation::ReferredBy(inner), Kind::ReferredBy(_, kinds)) => {
            let mut names: Vec<String> =
                kinds.iter().map(|kind| name(inner, kind, context)).collect();
            names.sort();
            let text = names.join(", ");
            match (nested, text.is_empty()) {
                (true, _) => format!("{{{text}}}"),
                (false, true) => "<Nothing>".into(),
                (false, false) => text,
            }
        }
        (Relation::Via, Kind::Via(relations)) => {
            let text = via_arguments(relations);
            if context == "and" { format!("{{{text}}}") } else { text }
        }
        (Relation::And(relations), Kind::And(kinds)) => {
            let parts =
                relations.iter().zip(kinds).map(|(relation, kind)| name(relation, kind, "and"));
            let text = parts.collect::<Vec<_>>().join(" & ");
            if context == "and" { format!("({text})") } else { text }
        }
        _ => kind_brief(kind),
    }
}

/// A kind in few words.
pub fn kind_brief(kind: &Kind) -> String {
    match kind {
        Kind::Anything => "<Anything>".into(),
        Kind::Nothing => "<Nothing>".into(),
        Kind::Type(TypeKey { module, qualname, .. }) => type_name(module, qualname),
        Kind::DictOf(owner) if **owner == Kind::Nothing => "dict (no owner)".into(),
        Kind::DictOf(owner) => format!("dict of {}", kind_brief(owner)),
        Kind::Size(size) => format!("<size = {size}>"),
        Kind::Id(address) => format!("<id {address:#x}>"),
        Kind::Module(name, _) => name.to_string(),
        Kind::NoModule => "~module".into(),
        Kind::ReferredBy(relation, _) => {
            let by = Relation::ReferredBy(relation.clone());
            format!("<referred by: {}>", name(&by, kind, ""))
        }
        Kind::Via(relations) => format!("<via {}>", via_arguments(relations)),
        Kind::Prod(None) => "unknown".into(),
        Kind::Prod(Some((file, line))) => format!("{file}:{line}"),
        Kind::Alt(kind, comparison) => alternative_brief(kind, comparison.sign()),
        Kind::And(parts) => {
            let parts: Vec<String> = parts.iter().map(kind_brief).collect();
            format!("({})", parts.join(" & "))
        }
        Kind::Or(parts) => {
            let mut parts: Vec<String> = parts.iter().map(kind_brief).collect();
            parts.sort();
            format!("({})", parts.join(" | "))
        }
        Kind::Not(kind) => {
            let text = kind_brief(kind);
            match text.contains(' ') && !text.starts_with(['(', '<']) {
                true => format!("~({text})"),
                false => format!("~{text}"),
            }
        }
    }
}

fn alternative_brief(kind: &Kind, sign: &str) -> String {
    let words = |less, at_most, at_least, more| match sign {
        "<" => less,
        "<=" => at_most,
        ">=" => at_least,
        _ => more,
    };
    match kind {
        Kind::Type(_) => {
            let word = words("strict subtype", "subtype", "supertype", "strict supertype");
            format!("<{word} of {}>", kind_brief(kind))
        }
        Kind::Size(size) => format!("<size {sign} {size}>"),
        Kind::ReferredBy(relation, _) => {
            let word = words("by less than", "by at most", "by at least", "by more than");
            let by = Relation::ReferredBy(relation.clone());
            format!("<referred {word}: {}>", name(&by, kind, ""))
        }
        kind => format!("[{sign} {}]", kind_brief(kind)),
    }
}

/// By what something is held, as heapy writes it.
pub(super) fn held_by(relation: &HeldBy) -> String {
    match relation {
        HeldBy::Attribute(name) => format!(".{name}"),
        HeldBy::Key(key) => format!("[{}]", python_repr(key)),
        HeldBy::Index(index) => format!("[{index}]"),
        HeldBy::KeyAt(place) => format!(".keys()[{place}]"),
        HeldBy::Element(place) => format!("list(_)[{place}]"),
        HeldBy::Internal(field) => format!("->{field}"),
        HeldBy::Local(frame, name) => format!("{frame}.f_locals[{}]", python_repr(name)),
        HeldBy::Stack(place) => format!("->f_valuestack[{place}]"),
        HeldBy::Unknown => ".??".into(),
    }
}

/// Each relation as a str literal, in order.
fn via_arguments(relations: &[HeldBy]) -> String {
    let mut texts: Vec<String> =
        relations.iter().map(|relation| python_repr(&held_by(relation))).collect();
    texts.sort();
    texts.join(", ")
}

/// A relation as Python would name it; `prefix` is the session's name and a dot.
pub fn relation_repr(relation: &Relation, prefix: &str) -> String {
    match relation {
        Relation::And(parts) => {
            let parts: Vec<String> = parts.iter().map(|part| relation_repr(part, prefix)).collect();
            format!("({})", parts.join(" & "))
        }
        Relation::DictOf(owner) => format!("{}.dictof", relation_repr(owner, prefix)),
        Relation::ReferredBy(kinds) => format!("{}.refdby", relation_repr(kinds, prefix)),
        named => {
            let name = Relation::NAMED.into_iter().find(|(_, known)| known == named);
            format!("{prefix}{}", name.map_or("", |(name, _)| name))
        }
    }
}

/// A kind as Python would make it again; `prefix` is the session's name and a dot.
pub fn kind_repr(kind: &Kind, prefix: &str) -> String {
    let list = |kinds: &[Kind], sign: &str| {
        let mut parts: Vec<String> = kinds.iter().map(|kind| kind_repr(kind, prefix)).collect();
        if sign == " | " {
            parts.sort();
        }
        format!("({})", parts.join(sign))
    };
    match kind {
        Kind::Anything => format!("{prefix}Anything"),
        Kind::Nothing => format!("{prefix}Nothing"),
        Kind::Type(key) => format!("{prefix}Type({})", type_argument(key)),
        Kind::DictOf(owner) => match &**owner {
            Kind::Not(_) => format!("({}).dictof", kind_repr(owner, prefix)),
            owner => format!("{}.dictof", kind_repr(owner, prefix)),
        },
        Kind::Size(size) => format!("{prefix}Size({size})"),
        Kind::Id(address) => format!("{prefix}Id({address:#x})"),
        Kind::Module(name, 0) => format!("{prefix}Module({})", python_repr(name)),
        Kind::Module(name, at) => format!("{prefix}Module({}, at={at:#x})", python_repr(name)),
        Kind::NoModule => format!("{prefix}Module()"),
        Kind::ReferredBy(_, kinds) => {
            let kinds: Vec<String> = kinds.iter().map(|kind| kind_repr(kind, prefix)).collect();
            format!("{prefix}Rcs({})", kinds.join(", "))
        }
        Kind::Via(relations) => format!("{prefix}Via({})", via_arguments(relations)),
        Kind::Prod(None) => format!("{prefix}Prod()"),
        Kind::Prod(Some((file, line))) => format!("{prefix}Prod({}, {line})", python_repr(file)),
        Kind::Alt(kind, comparison) => {
            format!("{}.alt('{comparison}')", kind_repr(kind, prefix))
        }
        Kind::And(parts) => list(parts, " & "),
        Kind::Or(parts) => list(parts, " | "),
        Kind::Not(kind) => format!("~{}", kind_repr(kind, prefix)),
    }
}

/// What `Type` takes to make a type's kind again.
fn type_argument(key: &TypeKey) -> String {
    let short = key.qualname.rsplit('.').next().unwrap_or(&key.qualname);
    python_repr(&format!("<type {}.{short} at {:#x}>", key.module, key.address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_heapys_names() {
        for (module, qualname, expected) in [
            ("builtins", "list", "list"),
            ("builtins", "function", "function"),
            ("builtins", "code", "types.CodeType"),
            ("builtins", "list_iterator", "builtins.list_iterator"),
            ("app", "make.<locals>.Box", "app.Box"),
            ("weakref", "ReferenceType", "weakref.ReferenceType"),
        ] {
            assert_eq!(type_name(module, qualname), expected);
        }
        assert_eq!(full_type_name("builtins", "module"), "types.ModuleType");
    }

    #[test]
    fn kinds_have_heapys_names() {
        let of = |module: &str, qualname: &str| {
            Kind::Type(TypeKey { address: 16, module: module.into(), qualname: qualname.into() })
        };
        let person = of("__main__", "Person");
        let dict = Kind::DictOf(Box::new(person.clone()));
        assert_eq!(kind_name(&Relation::Clodo, &dict), "dict of __main__.Person");
        assert_eq!(kind_name(&Relation::Size, &Kind::Size(56)), "       56");
        let rcs = Kind::ReferredBy(Box::new(Relation::Clodo), vec![of("builtins", "list"), dict]);
        assert_eq!(kind_name(&Relation::rcs(), &rcs), "dict of __main__.Person, list");
        let via = Kind::Via(vec![HeldBy::Key("tags".into()), HeldBy::Attribute("x".into())]);
        assert_eq!(kind_name(&Relation::Via, &via), "\"['tags']\", '.x'");
        let both = Relation::And(vec![Relation::Type, Relation::Size]);
        let kind = Kind::And(vec![person.clone(), Kind::Size(56)]);
        assert_eq!(kind_name(&both, &kind), "__main__.Person & 56");
        assert_eq!(kind_repr(&person, "hp."), "hp.Type('<type __main__.Person at 0x10>')");
        assert_eq!(relation_header(&both), "Type & Individual Size");
        assert_eq!(relation_header(&Relation::rcs()), "Referrers by Kind (class / dict of class)");
    }
}
