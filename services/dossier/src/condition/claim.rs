//! What a condition claims, one by one, so that two can be compared without any facts.

use super::grammar::is_comparison;
use cel::{
    IdedExpr,
    common::ast::{CallExpr, Expr, LiteralValue, operators},
};
use std::collections::BTreeSet;

/// A value that equals no other one. Numbers are left out: 1 and 1.0 are the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Constant {
    Truth(bool),
    Text(String),
}

/// One thing that must be so. A condition holds when all its claims are so, and only then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Claim {
    /// The member is one of these.
    OneOf(String, BTreeSet<Constant>),
    /// The member is there, and none of these.
    NoneOf(String, BTreeSet<Constant>),
    /// Anything else, as it is written, or its contrary.
    Other(bool, String),
}

impl Claim {
    /// Whether the two can never both be so.
    pub(super) fn excludes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::OneOf(one, these), Self::OneOf(two, those)) => {
                one == two && these.is_disjoint(those)
            }
            (Self::OneOf(one, these), Self::NoneOf(two, those))
            | (Self::NoneOf(two, those), Self::OneOf(one, these)) => {
                one == two && these.is_subset(those)
            }
            (Self::Other(yes, one), Self::Other(no, two)) => one == two && yes != no,
            _ => false,
        }
    }

    /// Whether the other is so whenever this is.
    pub(super) fn implies(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::OneOf(one, these), Self::OneOf(two, those)) => {
                one == two && these.is_subset(those)
            }
            (Self::OneOf(one, these), Self::NoneOf(two, those)) => {
                one == two && these.is_disjoint(those)
            }
            (Self::NoneOf(one, these), Self::NoneOf(two, those)) => {
                one == two && those.is_subset(these)
            }
            // Whatever a member is, it is there.
            (Self::OneOf(path, _) | Self::NoneOf(path, _), Self::Other(true, text)) => {
                *text == format!("has({path})")
            }
            _ => self == other,
        }
    }
}

/// What an expression that is a condition claims.
pub(super) fn claims(expression: &IdedExpr) -> Vec<Claim> {
    let mut claims = Vec::new();
    collect(expression, true, &mut claims);
    claims
}

fn collect(it: &IdedExpr, yes: bool, into: &mut Vec<Claim>) {
    if let Some((operator, args)) = call(it) {
        match (operator, args, yes) {
            (operators::LOGICAL_NOT, [one], _) => return collect(one, !yes, into),
            (operators::LOGICAL_AND, [one, two], true)
            | (operators::LOGICAL_OR, [one, two], false) => {
                collect(one, yes, into);
                return collect(two, yes, into);
            }
            (operators::LOGICAL_AND | operators::LOGICAL_OR, [one, two], _) => {
                into.push(either(one, two, yes).unwrap_or_else(|| Claim::Other(yes, write(it))));
                return;
            }
            _ => {}
        }
    }
    into.push(single(it, yes).unwrap_or_else(|| Claim::Other(yes, write(it))));
}

/// `x == 'A' || x == 'B'`: the member is one of both.
fn either(one: &IdedExpr, two: &IdedExpr, yes: bool) -> Option<Claim> {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    collect(one, yes, &mut left);
    collect(two, yes, &mut right);
    match (left.as_slice(), right.as_slice()) {
        ([Claim::OneOf(one, these)], [Claim::OneOf(two, those)]) if one == two => Some(
            Claim::OneOf(one.clone(), these.union(those).cloned().collect()),
        ),
        _ => None,
    }
}

fn single(it: &IdedExpr, yes: bool) -> Option<Claim> {
    let claim = |yes: bool, path: String, values: BTreeSet<Constant>| {
        if yes {
            Claim::OneOf(path, values)
        } else {
            Claim::NoneOf(path, values)
        }
    };
    match call(it) {
        None => path(it).map(|path| Claim::OneOf(path, [Constant::Truth(yes)].into())),
        Some((operators::EQUALS, [one, two])) => {
            let (path, value) = member_and_constant(one, two)?;
            Some(claim(yes, path, [value].into()))
        }
        Some((operators::NOT_EQUALS, [one, two])) => {
            let (path, value) = member_and_constant(one, two)?;
            Some(claim(!yes, path, [value].into()))
        }
        Some((operators::IN, [one, two])) => {
            let Expr::List(list) = &two.expr else {
                return None;
            };
            let values: Option<BTreeSet<Constant>> = list.elements.iter().map(constant).collect();
            Some(claim(yes, path(one)?, values?))
        }
        Some(_) => None,
    }
}

fn member_and_constant(one: &IdedExpr, two: &IdedExpr) -> Option<(String, Constant)> {
    let there = path(one).zip(constant(two));
    there.or_else(|| path(two).zip(constant(one)))
}

fn call(it: &IdedExpr) -> Option<(&str, &[IdedExpr])> {
    match &it.expr {
        Expr::Call(CallExpr {
            func_name, args, ..
        }) => Some((func_name, args)),
        _ => None,
    }
}

fn constant(it: &IdedExpr) -> Option<Constant> {
    match &it.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(Constant::Text(text.inner().to_owned())),
        Expr::Literal(LiteralValue::Boolean(truth)) => Some(Constant::Truth(*truth.inner())),
        _ => None,
    }
}

/// `evidence.member.member`, or a variable.
fn path(it: &IdedExpr) -> Option<String> {
    match &it.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => {
            Some(format!("{}.{}", path(&select.operand)?, select.field))
        }
        _ => None,
    }
}

/// An expression, written so that the same one is written in the same way.
fn write(it: &IdedExpr) -> String {
    let all = |args: &[IdedExpr]| args.iter().map(write).collect::<Vec<_>>();
    match &it.expr {
        Expr::Select(select) if select.test => {
            format!("has({}.{})", write(&select.operand), select.field)
        }
        Expr::Literal(literal) => format!("{literal:?}"),
        Expr::List(list) => format!("[{}]", all(&list.elements).join(",")),
        Expr::Call(CallExpr {
            func_name, args, ..
        }) if is_comparison(func_name) && args.len() == 2 => {
            format!("({})", all(args).join(func_name))
        }
        Expr::Call(CallExpr {
            func_name, args, ..
        }) => format!("{func_name}({})", all(args).join(",")),
        _ => path(it).unwrap_or_default(),
    }
}
