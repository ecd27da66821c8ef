//! Equivalence relations and their classes, which heapy calls kinds.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};

use super::relations::HeldBy;

/// When two objects are alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// All are.
    Unity,
    /// They have one type.
    Type,
    /// They have one type, and of two dicts their owners have: an owner is whose `__dict__` it is.
    Clodo,
    /// They have one shallow size.
    Size,
    /// They are one object.
    Id,
    /// They are one object; a set of it stands for it.
    Idset,
    /// They are one module object, or neither is one.
    Module,
    /// They are held by the same labels.
    Via,
    /// They were allocated by one line.
    Prod,
    /// They are dicts whose owners are alike, or neither is a dict.
    DictOf(Box<Relation>),
    /// Their referrers are of the same kinds.
    ReferredBy(Box<Relation>),
    /// They are alike by each of these.
    And(Vec<Relation>),
}

impl Relation {
    /// heapy's names for the relations that have one, each with what it names.
    pub const NAMED: [(&'static str, Relation); 9] = [
        ("Clodo", Self::Clodo),
        ("Id", Self::Id),
        ("Idset", Self::Idset),
        ("Module", Self::Module),
        ("Prod", Self::Prod),
        ("Size", Self::Size),
        ("Type", Self::Type),
        ("Unity", Self::Unity),
        ("Via", Self::Via),
    ];

    /// By the kinds of referrers, as `Rcs` means it.
    pub fn rcs() -> Self {
        Self::ReferredBy(Box::new(Self::Clodo))
    }

    /// What a name means, or several with `&` between them; none at all is `Unity`.
    ///
    /// `None` where one is not known.
    pub fn from_words(words: &str) -> Option<Self> {
        if words.is_empty() {
            return Some(Self::Unity);
        }
        let one = |word: &str| match word {
            "Rcs" => Some(Self::rcs()),
            _ => Self::NAMED.into_iter().find(|(name, _)| *name == word).map(|(_, found)| found),
        };
        let mut all = words.split('&').map(one);
        let first = all.next()??;
        all.try_fold(first, |sum, next| Some(sum.and(next?)))
    }

    /// Both at once; one of them alone where it says all that the other does.
    pub fn and(self, other: Self) -> Self {
        let parts = |relation: Self| match relation {
            Self::And(parts) => parts,
            one => vec![one],
        };
        let mut all: Vec<Self> = Vec::new();
        for part in parts(self).into_iter().chain(parts(other)) {
            if all.iter().any(|known| known.refines(&part)) {
                continue;
            }
            all.retain(|known| !part.refines(known));
            all.push(part);
        }
        match all.pop() {
            Some(only) if all.is_empty() => only,
            Some(last) => {
                all.push(last);
                Self::And(all)
            }
            None => Self::Unity,
        }
    }

    /// Whether it asks for the lines that allocated objects.
    pub fn is_by_producer(&self) -> bool {
        match self {
            Self::Prod => true,
            Self::DictOf(inner) | Self::ReferredBy(inner) => inner.is_by_producer(),
            Self::And(parts) => parts.iter().any(Self::is_by_producer),
            _ => false,
        }
    }

    /// Whether what is alike by this is alike by the other, as far as heapy knows.
    pub fn refines(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Unity) | (Self::Clodo, Self::Type) => true,
            (Self::And(parts), other) if self != other => {
                parts.iter().any(|part| part.refines(other))
            }
            _ => self == other,
        }
    }
}

/// A type, so that it is found again in another heap.
#[derive(Clone, Debug)]
pub struct TypeKey {
    /// Where the type object lies; 0 where it is not known.
    pub address: u64,
    /// Its `__module__`.
    pub module: Box<str>,
    /// Its `__qualname__`.
    pub qualname: Box<str>,
}

impl PartialEq for TypeKey {
    /// Two that both have an address are one by it, others by their names.
    fn eq(&self, other: &Self) -> bool {
        if self.address != 0 && other.address != 0 {
            return self.address == other.address;
        }
        self.module == other.module && self.qualname == other.qualname
    }
}

impl Eq for TypeKey {}

impl Hash for TypeKey {
    /// By the names, which those of one address have in common.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.module.hash(state);
        self.qualname.hash(state);
    }
}

/// How an object's class is compared with a kind's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// Strictly less: a strict subtype, a smaller size, fewer referrers.
    Less,
    /// Less or the same.
    AtMost,
    /// The same or more.
    AtLeast,
    /// Strictly more.
    More,
}

impl Comparison {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Less, Self::AtMost, Self::AtLeast, Self::More];

    /// As Python writes it.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::AtLeast => ">=",
            Self::More => ">",
        }
    }

    /// Whether what compares so is meant; `None` is what cannot be compared.
    pub fn takes(self, found: Option<Ordering>) -> bool {
        found.is_some_and(|found| match self {
            Self::Less => found == Ordering::Less,
            Self::AtMost => found != Ordering::Greater,
            Self::AtLeast => found != Ordering::Less,
            Self::More => found == Ordering::Greater,
        })
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sign())
    }
}

/// A class of an equivalence relation, or what can be made of such.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Every object.
    Anything,
    /// No object.
    Nothing,
    /// Those of one type.
    Type(TypeKey),
    /// The dicts whose owner is of a kind; of `Nothing`, those that have none.
    DictOf(Box<Kind>),
    /// Those of one shallow size, in bytes.
    Size(u64),
    /// The object at an address.
    Id(u64),
    /// One module object: its name, and where it lies or 0.
    Module(Box<str>, u64),
    /// What is no module object.
    NoModule,
    /// Those whose referrers are of these kinds, which are classes of one relation.
    ReferredBy(Box<Relation>, Vec<Kind>),
    /// Those held by these, and by nothing else.
    Via(Vec<HeldBy>),
    /// Those allocated by a line of a file; `None` where that is not known.
    Prod(Option<(Box<str>, u64)>),
    /// Those that compare so with a class.
    Alt(Box<Kind>, Comparison),
    /// Those in each of these.
    And(Vec<Kind>),
    /// Those in some of these.
    Or(Vec<Kind>),
    /// Those not in this one.
    Not(Box<Kind>),
}

impl Kind {
    /// The exact type `dict`.
    pub fn dict() -> Self {
        let (module, qualname) = ("builtins".into(), "dict".into());
        Self::Type(TypeKey { address: 0, module, qualname })
    }

    /// The dicts that nobody has as `__dict__`.
    pub fn unowned() -> Self {
        Self::DictOf(Box::new(Self::Nothing))
    }

    /// What is in both.
    pub fn and(self, other: Self) -> Self {
        let parts = |kind: Self| match kind {
            Self::And(parts) => parts,
            one => vec![one],
        };
        let mut all: Vec<Self> = Vec::new();
        for part in parts(self).into_iter().chain(parts(other)) {
            if !all.contains(&part) && part != Self::Anything {
                all.push(part);
            }
        }
        if all.contains(&Self::Nothing) {
            return Self::Nothing;
        }
        match all.len() {
            0 => Self::Anything,
            1 => all.remove(0),
            _ => Self::And(all),
        }
    }

    /// What is in one of them at least.
    pub fn or(self, other: Self) -> Self {
        Self::any([self, other])
    }

    /// What is in one of some kinds at least. O(kinds).
    pub fn any(kinds: impl IntoIterator<Item = Self>) -> Self {
        let parts = kinds.into_iter().flat_map(|kind| match kind {
            Self::Or(parts) => parts,
            one => vec![one],
        });
        let mut seen = HashSet::new();
        let mut all: Vec<Self> =
            parts.filter(|part| *part != Self::Nothing && seen.insert(part.clone())).collect();
        if seen.contains(&Self::Anything) {
            return Self::Anything;
        }
        match all.len() {
            0 => Self::Nothing,
            1 => all.remove(0),
            _ => Self::Or(all),
        }
    }

    /// What is not in it.
    pub fn complement(self) -> Self {
        match self {
            Self::Not(kind) => *kind,
            Self::Anything => Self::Nothing,
            Self::Nothing => Self::Anything,
            kind => Self::Not(Box::new(kind)),
        }
    }

    /// Whether it asks for the lines that allocated objects.
    pub fn is_by_producer(&self) -> bool {
        match self {
            Self::Prod(_) => true,
            Self::DictOf(kind) | Self::Alt(kind, _) | Self::Not(kind) => kind.is_by_producer(),
            Self::ReferredBy(relation, _) => relation.is_by_producer(),
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::is_by_producer),
            _ => false,
        }
    }

    /// Whether all that is of this kind is of the other, as far as the kinds themselves tell.
    pub fn is_part_of(&self, other: &Self) -> bool {
        match (self, other) {
            _ if self == other => true,
            (_, Self::Anything) | (Self::Nothing, _) => true,
            (_, Self::And(parts)) => parts.iter().all(|part| self.is_part_of(part)),
            (Self::Or(parts), _) => parts.iter().all(|part| part.is_part_of(other)),
            (Self::And(parts), _) => parts.iter().any(|part| part.is_part_of(other)),
            (_, Self::Or(parts)) => parts.iter().any(|part| self.is_part_of(part)),
            (Self::Not(own), Self::Not(other)) => other.is_part_of(own),
            (Self::DictOf(own), Self::DictOf(other)) => own.is_part_of(other),
            (Self::DictOf(_), other) => *other == Self::dict(),
            (Self::Alt(own, Comparison::Less), Self::Alt(other, Comparison::AtMost))
            | (Self::Alt(own, Comparison::More), Self::Alt(other, Comparison::AtLeast)) => {
                own == other
            }
            (own, Self::Alt(other, Comparison::AtMost | Comparison::AtLeast)) => *own == **other,
            // Two classes of one relation have no object in common.
            (own, Self::Not(other)) => {
                own != &**other
                    && own.relation().is_some()
                    && own.relation() == other.relation()
                    && !matches!((own, &**other), (Self::Alt(..), _) | (_, Self::Alt(..)))
            }
            _ => false,
        }
    }

    /// The relation that it is a class of; `None` for what is made of several kinds.
    pub fn relation(&self) -> Option<Relation> {
        Some(match self {
            Self::Anything => Relation::Unity,
            Self::Type(_) => Relation::Type,
            Self::DictOf(owner) => Relation::DictOf(Box::new(match &**owner {
                Self::Nothing => Relation::Type,
                owner => owner.relation()?,
            })),
            Self::Size(_) => Relation::Size,
            Self::Id(_) => Relation::Id,
            Self::Module(..) | Self::NoModule => Relation::Module,
            Self::ReferredBy(relation, _) => Relation::ReferredBy(relation.clone()),
            Self::Via(_) => Relation::Via,
            Self::Prod(_) => Relation::Prod,
            Self::Alt(kind, _) => return kind.relation(),
            Self::Nothing | Self::And(_) | Self::Or(_) | Self::Not(_) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_are_read_from_their_names() {
        assert_eq!(Relation::from_words("Type"), Some(Relation::Type));
        assert_eq!(Relation::from_words(""), Some(Relation::Unity));
        assert_eq!(Relation::from_words("Rcs"), Some(Relation::rcs()));
        assert_eq!(
            Relation::from_words("Type&Size"),
            Some(Relation::And(vec![Relation::Type, Relation::Size]))
        );
        assert_eq!(Relation::from_words("Type&Clodo"), Some(Relation::Clodo));
        assert_eq!(Relation::from_words("Size&Unity"), Some(Relation::Size));
        assert_eq!(Relation::from_words("type"), None);
        assert_eq!(Relation::from_words("Type&"), None);
    }

    #[test]
    fn kinds_combine() {
        let (one, two) = (Kind::Size(1), Kind::Size(2));
        assert_eq!(one.clone().or(two.clone()).or(one.clone()), Kind::Or(vec![one.clone(), two]));
        assert_eq!(one.clone().and(Kind::Anything), one);
        assert_eq!(one.clone().and(Kind::Nothing), Kind::Nothing);
        assert_eq!(one.clone().complement().complement(), one);
    }
}
