//! Whether two heaps are of one process, so that an address means one object in both.

use std::fmt;

use crate::id::NodeId;
use crate::snapshot::{Flags, Snapshot};

/// What shows that two heaps are not of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Apart {
    /// Another process id: the old heap's, the new one's.
    Pid(u32, u32),
    /// Another interpreter: its version and build.
    Python(String, String),
    /// One process id, but the processes started at two times.
    Started,
    /// The module of this name lives as long as its process, and lies somewhere else.
    Module(&'static str),
}

impl Apart {
    /// Why two heaps are not of one process; `None` if nothing shows it.
    ///
    /// What was not recorded shows nothing. The modules are looked at too,
    /// because processes in containers often have one id, and because a
    /// process that executes another program keeps its id.
    ///
    /// O(names) time.
    pub fn of(old: &Snapshot, new: &Snapshot) -> Option<Self> {
        let (before, after) = (old.info(), new.info());
        if before.pid != after.pid {
            return Some(Self::Pid(before.pid, after.pid));
        }
        let python = |info: &crate::snapshot::Info| format!("{} {}", info.python, info.build);
        if python(before) != python(after) || before.platform != after.platform {
            let words = |info| format!("{} ({})", python(info), info.platform);
            return Some(Self::Python(words(before), words(after)));
        }
        if before.process_started != after.process_started
            && before.process_started != 0
            && after.process_started != 0
        {
            return Some(Self::Started);
        }
        let moved = ["sys", "builtins"].into_iter().find(|name| {
            let address = |snapshot| module(snapshot, name).map(|node| snapshot.address(node));
            address(old).zip(address(new)).is_some_and(|(before, after)| before != after)
        });
        moved.map(Self::Module)
    }
}

/// The module with a name that is no root of any other kind: a module
/// may be named as it likes, but there is one in `sys.modules`.
fn module(snapshot: &Snapshot, name: &str) -> Option<NodeId> {
    let mut named = snapshot.names().iter().filter(|&(node, text)| {
        let entry = snapshot.type_of(node);
        text == name
            && entry.full_name() == "builtins.module"
            && !snapshot.flags(node).contains(Flags::SYNTHETIC)
            && snapshot.root(node).is_some()
    });
    let first = named.next().map(|(node, _)| node);
    // Of several it is not known which one is meant.
    if named.next().is_some() { None } else { first }
}

impl fmt::Display for Apart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the heaps are of two processes (")?;
        match self {
            Self::Pid(before, after) => write!(f, "pid {before} and pid {after}")?,
            Self::Python(before, after) => write!(f, "Python {before} and {after}")?,
            Self::Started => f.write_str("with one pid, started at two times")?,
            Self::Module(name) => {
                write!(f, "with one pid, but the module {name} lies at two addresses")?;
            }
        }
        f.write_str("): no object of one is in the other, so they are compared by numbers only")
    }
}
