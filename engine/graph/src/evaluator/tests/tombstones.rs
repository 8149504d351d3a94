//! Erasure: what is owed to an erased instance is void, and nothing that was said of it is read.

use homeostat_log::{Event, Kind};

use crate::fixtures::{Told, Twice, about, at, event, of_kind};

fn erased(position: u64, second: i64, json: &str) -> Event {
    of_kind(event(position, second, "customer.erased", json), Kind::Tombstone)
}

const SHOP: &str = "
entity customer { has: tier  rule: deletion_means_crypto_shred }
entity rep
action greet(customer) { satisfied_by: customer.greeted  by: system }
action ask(customer, rep) { satisfied_by: customer.asked  by: system }
action tell_boss(rep) { satisfied_by: boss.told  by: system }
action erase_all(customer) { satisfied_by: data.erased  by: system }
action look_at(customer) { satisfied_by: customer.seen  by: system }
when visit.made {
  must: greet(customer) within: 5s fallback: tell_boss(rep)
  must: ask(customer, rep) within: 9s
}
when customer.erased { must: erase_all(customer) within: 1h }
when sale.opened { for each customer with tier = \"gold\" { must: look_at(customer) within: 9s } }
when customer.poked { if customer.tier = \"gold\" { could: look_at(customer) } }
";

#[test]
fn everything_owed_to_an_erased_instance_is_void_but_the_duty_to_erase() {
    let mut told = Twice::new(SHOP);
    let visit = |n, second, customer: &str| {
        event(n, second, "visit.made", &format!(r#"{{"customer":"{customer}","rep":"r1"}}"#))
    };
    told.see(&visit(1, 0, "c1")).see(&visit(2, 0, "c2")).pass(at(6)).said();
    told.see(&erased(3, 7, r#"{"customer":"c1"}"#));
    assert_eq!(
        told.said(),
        "greet@1 void\n\
         tell_boss@1 void\n\
         ask@1 void\n\
         erase_all@3 activated 7 due 3607\n\
         deletion_means_crypto_shred@3~c1 activated 7\n\
         deletion_means_crypto_shred@3~c1 gap Consistency 7"
    );
    told.see(&event(4, 8, "customer.shredded", r#"{"customer":"c1"}"#));
    told.see(&event(5, 8, "data.erased", r#"{"customer":"c1"}"#));
    told.see(&event(6, 8, "customer.asked", r#"{"customer":"c2","rep":"r1"}"#));
    assert_eq!(
        told.said(),
        "deletion_means_crypto_shred@3~c1 InTime by 4\n\
         deletion_means_crypto_shred@3~c1 closed Fulfilled\n\
         erase_all@3 InTime by 5\n\
         ask@2 InTime by 6"
    );
    let void: u64 = told.evaluator().summary().clauses.iter().map(|it| it.tally.void).sum();
    assert_eq!(void, 3);
}

#[test]
fn the_erased_are_in_no_set_and_nothing_said_of_them_is_read_until_it_is_said_anew() {
    let mut told = Twice::new(SHOP);
    let moved = |n, id: &str| {
        event(n, 0, "customer.moved", &format!(r#"{{"customer":"{id}","tier":"gold"}}"#))
    };
    let poked = |n| event(n, 1, "customer.poked", r#"{"customer":"c1"}"#);
    told.see(&moved(1, "c1")).see(&moved(2, "c2"));
    told.see(&event(3, 0, "sale.opened", "{}")).said();
    told.see(&about(erased(4, 1, r#"{"customer":"c9"}"#), "customer/c1"));
    assert!(told.said().starts_with("look_at@3~c1 void\n"), "the subject says who");
    told.see(&poked(5));
    let condition = "customer.tier = \"gold\"";
    assert_eq!(told.said(), format!("guard `{condition}` of 5: Unknown at 5"));
    told.see(&of_kind(event(6, 1, "customer.erased", r#"{"customer":"c1"}"#), Kind::Primary));
    told.said();
    told.see(&event(7, 1, "sale.opened", "{}"));
    assert_eq!(told.said(), "look_at@7~c2 activated 1 due 10", "it is there, and has no tier");
    told.see(&moved(8, "c1")).see(&event(9, 1, "sale.opened", "{}"));
    assert_eq!(told.said(), "look_at@9~c1 activated 1 due 10\nlook_at@9~c2 activated 1 due 10");
}

#[test]
fn an_erased_member_leaves_its_owners_count_and_its_watches() {
    let mut told = Twice::new(
        "entity customer { has: limit }
         entity order { belongs_to: customer  has: note  state open: from made until paid }
         action push(order) { satisfied_by: order.pushed  by: system }
         when order.open for 10s { must: push(order) within: 9s }
         always {
           assert few: every(customer.orders.count) <= 1
           assert noted: every(order) has note
         }",
    );
    let order =
        |n, id: &str| event(n, 0, "order.made", &format!(r#"{{"order":"{id}","customer":"c1"}}"#));
    told.see(&order(1, "o1")).see(&order(2, "o2")).said();
    told.see(&of_kind(event(3, 1, "order.gone", r#"{"order":"o2"}"#), Kind::Tombstone));
    assert_eq!(
        told.said(),
        "noted@2~o2 void\nnoted@2~o2 closed Void\nfew@2~c1 InTime by 3\nfew@2~c1 closed Fulfilled"
    );
    told.pass(at(11));
    assert_eq!(told.said(), "push@1~o1 activated 10 due 19", "the other's episode went with it");
    told.see(&of_kind(event(4, 12, "order.gone", r#"{"order":"o1"}"#), Kind::Tombstone));
    assert_eq!(told.said(), "noted@1~o1 void\nnoted@1~o1 closed Void\npush@1~o1 void");
    assert_eq!(told.evaluator().footprint().episodes, 0);
    assert_eq!(told.evaluator().footprint().values, 0);
    assert_eq!(told.evaluator().open_count(), 0);
}

/// Erases every customer of as many, each of whom is owed something of every sort.
fn looked_at(customers: u64) -> u64 {
    const SORTS: &str = "
    entity customer  entity rep
    action greet(customer) { satisfied_by: customer.greeted  by: system }
    action ask(customer, rep) { satisfied_by: customer.asked  by: system }
    action look_at { satisfied_by: customer.seen  by: system }
    when customer.created { must: greet(customer)  must: ask(customer, rep) }
    when sale.opened { for each customer { must: look_at } }";
    let mut told = Told::new(SORTS);
    let named = |n: u64| format!(r#"{{"customer":"c{n}","rep":"r1"}}"#);
    for n in 1..=customers {
        told.see(&event(n, 0, "customer.created", &named(n)));
    }
    told.see(&event(customers + 1, 1, "sale.opened", "{}")).said();
    for n in 1..=customers {
        told.see(&erased(customers + 1 + n, 2, &named(n)));
        assert_eq!(told.said().lines().count(), 6, "three are void, and their gaps closed");
    }
    assert_eq!(told.evaluator.footprint().obligations, 0);
    told.evaluator.state.looked_at
}

#[test]
fn an_erasure_looks_at_what_is_owed_to_its_instance_and_at_nothing_else() {
    // One occasion, one obligation with several keys, and both of those with keys once more.
    let few = looked_at(10);
    assert_eq!(looked_at(300), 30 * few, "as many times as there are erasures");
    assert!(few <= 10 * 5, "{few} in ten erasures");
}
