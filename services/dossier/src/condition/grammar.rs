//! Which expressions are conditions: the part of the language that ends and depends on nothing else.

use super::{ASKED, BadCondition, CONDITION_DEPTH_MAX, REPRESENTED};
use crate::name::EvidenceName;
use cel::{
    IdedExpr,
    common::ast::{CallExpr, Expr, LiteralValue, SelectExpr, operators},
};
use std::collections::BTreeSet;

/// What a condition names.
#[derive(Default)]
pub(super) struct Names {
    pub(super) evidence: BTreeSet<EvidenceName>,
    pub(super) asks: BTreeSet<String>,
    represented: bool,
}

impl Names {
    pub(super) fn is_empty(&self) -> bool {
        self.evidence.is_empty() && self.asks.is_empty() && !self.represented
    }
}

/// Whether it is a condition, and what it names.
pub(super) fn check(expression: &IdedExpr) -> Result<Names, BadCondition> {
    let mut names = Names::default();
    truth(expression, 1, &mut names)?;
    Ok(names)
}

/// The two sides of a comparison that orders or equates.
pub(super) fn is_comparison(operator: &str) -> bool {
    [
        operators::EQUALS,
        operators::NOT_EQUALS,
        operators::LESS,
        operators::LESS_EQUALS,
        operators::GREATER,
        operators::GREATER_EQUALS,
    ]
    .contains(&operator)
}

/// Something that is so or not.
fn truth(it: &IdedExpr, depth: usize, names: &mut Names) -> Result<(), BadCondition> {
    if depth > CONDITION_DEPTH_MAX {
        return Err(BadCondition::TooDeep);
    }
    match &it.expr {
        Expr::Call(CallExpr {
            func_name,
            target: None,
            args,
        }) => match (func_name.as_str(), args.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, [one, two]) => {
                truth(one, depth + 1, names)?;
                truth(two, depth + 1, names)
            }
            (operators::LOGICAL_NOT, [one]) => truth(one, depth + 1, names),
            (operators::IN, [what, list]) => member_of(what, list, depth, names),
            (operator, [one, two]) if is_comparison(operator) => {
                operand(one, depth, names)?;
                operand(two, depth, names)
            }
            _ => Err(not_allowed(it)),
        },
        Expr::Ident(name) if name == REPRESENTED => {
            names.represented = true;
            Ok(())
        }
        Expr::Ident(_) | Expr::Select(_) => path(it, depth, names),
        Expr::Literal(LiteralValue::Boolean(_)) => Ok(()),
        _ => Err(not_allowed(it)),
    }
}

/// `'name' in asked`, `path in ['A', 'B']`, `'A' in path`.
fn member_of(
    what: &IdedExpr,
    list: &IdedExpr,
    depth: usize,
    names: &mut Names,
) -> Result<(), BadCondition> {
    match &list.expr {
        Expr::Ident(name) if name == ASKED => match &what.expr {
            Expr::Literal(LiteralValue::String(one)) => {
                names.asks.insert(one.inner().to_owned());
                Ok(())
            }
            _ => Err(BadCondition::Asked),
        },
        Expr::List(items) => {
            for item in &items.elements {
                let Expr::Literal(_) = item.expr else {
                    return Err(BadCondition::NotAllowed("list of anything but literals"));
                };
                operand(item, depth, names)?;
            }
            operand(what, depth, names)
        }
        _ => {
            path(list, depth, names)?;
            operand(what, depth, names)
        }
    }
}

/// A literal or a member of evidence.
fn operand(it: &IdedExpr, depth: usize, names: &mut Names) -> Result<(), BadCondition> {
    match &it.expr {
        Expr::Literal(LiteralValue::Bytes(_)) => Err(BadCondition::NotAllowed("bytes")),
        Expr::Literal(_) => Ok(()),
        Expr::Ident(name) if name == REPRESENTED => {
            names.represented = true;
            Ok(())
        }
        Expr::Select(SelectExpr { test: true, .. }) => {
            Err(BadCondition::NotAllowed("comparison with has(…)"))
        }
        _ => path(it, depth, names),
    }
}

/// A member of evidence, or a member of a member; with `has(…)` around it or not.
fn path(it: &IdedExpr, depth: usize, names: &mut Names) -> Result<(), BadCondition> {
    let mut it = it;
    let mut levels = 0;
    loop {
        match &it.expr {
            Expr::Select(select) => it = &select.operand,
            Expr::Ident(name) if name == ASKED => return Err(BadCondition::Asked),
            Expr::Ident(name) => {
                let name: EvidenceName = name
                    .as_str()
                    .parse()
                    .ok()
                    .filter(|_| name != REPRESENTED)
                    .ok_or_else(|| BadCondition::NotEvidence(name.clone()))?;
                if levels == 0 {
                    return Err(BadCondition::NoMember(name));
                }
                names.evidence.insert(name);
                return Ok(());
            }
            _ => return Err(not_allowed(it)),
        }
        levels += 1;
        if depth + levels > CONDITION_DEPTH_MAX {
            return Err(BadCondition::TooDeep);
        }
    }
}

fn not_allowed(it: &IdedExpr) -> BadCondition {
    BadCondition::NotAllowed(match &it.expr {
        Expr::Call(CallExpr { func_name, .. }) => match func_name.as_str() {
            operators::CONDITIONAL => "choice between two values",
            operators::INDEX => "index",
            operators::ADD
            | operators::SUBSTRACT
            | operators::MULTIPLY
            | operators::DIVIDE
            | operators::MODULO
            | operators::NEGATE => "arithmetic",
            name if name.starts_with(|c: char| c.is_ascii_alphabetic()) => "function",
            _ => "comparison of comparisons",
        },
        Expr::Comprehension(_) => "macro but has(…)",
        Expr::List(_) => "list but behind `in`",
        Expr::Map(_) | Expr::Struct(_) => "object",
        Expr::Literal(_) => "value where something must be so or not",
        Expr::Ident(_) | Expr::Select(_) | Expr::Unspecified => "such name",
    })
}
