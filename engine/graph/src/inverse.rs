//! Who names an instance in an attribute: the way back along a path, for conditions that read
//! more than the watched instance's own values.
//!
//! In: whom each member names, as it changes. Out: the members that name an owner now.
//! Never: knows an attribute that no watched path goes on from.
//! Promise: a change costs the same however many members an owner has.
//! Start reading at [`Inverse::point`], then [`Inverse::members`].

use crate::datum::Datum;
use crate::intern::Symbols;
use crate::open::NOWHERE;
use crate::table::Table;

/// One attribute, the other way round.
#[derive(Debug, Default)]
pub(crate) struct Inverse {
    /// For each owner, the first of its members' links.
    first: Table<u32>,
    /// For each member, its link.
    by_member: Table<u32>,
    links: Vec<Link>,
    free: Vec<u32>,
}

/// One member in the list of its owner.
#[derive(Clone, Copy, Debug)]
struct Link {
    member: Datum,
    owner: Datum,
    previous: u32,
    next: u32,
}

impl Inverse {
    /// A member names `owner` from now on; `Absent` when it names nobody.
    pub(crate) fn point(&mut self, member: Datum, owner: Datum, symbols: &mut Symbols) {
        let known = self.by_member.get(member).copied();
        if let Some(place) = known {
            if self.link(place).owner == owner {
                return;
            }
            self.unlink(place, symbols);
        }
        if owner == Datum::Absent {
            return;
        }
        let head = self.first.get(owner).copied();
        let link = Link {
            member: member.retain(symbols),
            owner: owner.retain(symbols),
            previous: NOWHERE,
            next: head.unwrap_or(NOWHERE),
        };
        let place = self.free.pop().unwrap_or_else(|| {
            self.links.push(link);
            u32::try_from(self.links.len() - 1).unwrap_or(NOWHERE)
        });
        assert!(place != NOWHERE, "fewer than four thousand million values are remembered");
        *self.link_mut(place) = link;
        self.by_member.insert(member, place);
        match self.first.get_mut(owner) {
            Some(first) => *first = place,
            None => self.first.insert(owner, place),
        }
        if let Some(head) = head {
            self.link_mut(head).previous = place;
        }
    }

    fn unlink(&mut self, place: u32, symbols: &mut Symbols) {
        let Link { member, owner, previous, next } = *self.link(place);
        if next != NOWHERE {
            self.link_mut(next).previous = previous;
        }
        if previous != NOWHERE {
            self.link_mut(previous).next = next;
        } else if next == NOWHERE {
            self.first.remove(owner);
        } else if let Some(first) = self.first.get_mut(owner) {
            *first = next;
        }
        self.by_member.remove(member);
        self.free.push(place);
        member.release(symbols);
        owner.release(symbols);
    }

    /// Everyone who names `owner`, in no order that means anything.
    pub(crate) fn members(&self, owner: Datum) -> impl Iterator<Item = Datum> {
        let mut place = self.first.get(owner).copied().unwrap_or(NOWHERE);
        std::iter::from_fn(move || {
            let link = self.links.get(place as usize)?;
            place = link.next;
            Some(link.member)
        })
    }

    /// Bytes set aside.
    pub(crate) fn bytes(&self) -> usize {
        self.first.bytes()
            + self.by_member.bytes()
            + self.links.capacity() * size_of::<Link>()
            + self.free.capacity() * size_of::<u32>()
    }

    fn link(&self, place: u32) -> &Link {
        let Some(link) = self.links.get(place as usize) else {
            unreachable!("link `{place}` is named only while it is there");
        };
        link
    }

    fn link_mut(&mut self, place: u32) -> &mut Link {
        let Some(link) = self.links.get_mut(place as usize) else {
            unreachable!("link `{place}` is named only while it is there");
        };
        link
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_by_whom_they_name_now_and_no_text_is_kept_beyond_that() {
        let (mut inverse, mut symbols) = (Inverse::default(), Symbols::default());
        let mut draw = 7_u64;
        let mut names = vec![Datum::Absent; 40];
        for _ in 0..5_000 {
            draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (member, owner) = ((draw >> 33) % 40, (draw >> 40) % 7);
            let named = match owner {
                0 => Datum::Absent,
                1 => Datum::Int(5),
                other => Datum::Text(symbols.look_up(&format!("owner {other}"))),
            };
            let of = Datum::Text(symbols.look_up(&format!("member {member}")));
            inverse.point(of, named, &mut symbols);
            // What is named last is compared by name, since a symbol may be used again.
            let place = usize::try_from(member).unwrap_or(0);
            if let Some(known) = names.get_mut(place) {
                *known = named;
            }
            let expected = names.iter().filter(|known| **known == named).count();
            if named != Datum::Absent {
                assert_eq!(inverse.members(named).count(), expected);
                assert!(inverse.members(named).any(|found| found == of));
            }
        }
        for member in 0..40 {
            let of = Datum::Text(symbols.look_up(&format!("member {member}")));
            inverse.point(of, Datum::Absent, &mut symbols);
        }
        symbols.settle();
        assert_eq!(symbols.len(), 0);
    }
}
