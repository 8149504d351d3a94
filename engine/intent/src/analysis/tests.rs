//! Fixtures are texts with a cursor, `‸`; `--- name` begins another file of the same spec.

#![expect(clippy::indexing_slicing, clippy::string_slice, reason = "a test says what it expects")]

use super::*;
use crate::fixes::edited;

const SHOP: &str = "\
entity customer { has: orders[], tier }
entity order {
  belongs_to: customer
  has: total
  state open: from placed until paid | \"Paid in full\"
}
event order.placed as order_placed
event order.paid
event customer.left
event mood.updated
measure mood(customer) from mood.updated { trend }
threshold low: 45 falling
action ship(order) { satisfied_by: order.shipped  by: agent }
action write(recipient: customer)
when order.placed {
  must fast: ship(order)
    within: 5s
    fallback: write(recipient: order.customer)
  if mood(order.customer).trend crosses threshold.low AND order.customer.orders.count > 3 {
    must: write(order.customer, reason: order.total)
  }
}
when order_placed {
  if order is open {
    should: ship(order)
  }
}
every week {
  for each customer with orders.count > 3 {
    must: write(customer)
  }
}
scenario \"late\" {
  given e1: { type: order.placed, order: o1, customer: c1 }
  at 6s expect gap fast(o1)
}
";

/// The analysis of a fixture, and the cursor's place.
fn fixture(text: &str) -> (Analysis, u32, u32) {
    let mut files = vec![(String::from("a"), String::new())];
    for line in text.split_inclusive('\n') {
        match line.strip_prefix("--- ") {
            Some(name) => files.push((name.trim().to_owned(), String::new())),
            None => files.last_mut().iter_mut().for_each(|(_, text)| text.push_str(line)),
        }
    }
    let mut cursor = (0, 0);
    for (source, (_, text)) in (0_u32..).zip(&mut files) {
        if let Some(at) = text.find('‸') {
            *text = text.replacen('‸', "", 1);
            cursor = (source, u32::try_from(at).unwrap_or_default());
        }
    }
    let sources = files.into_iter().map(|(name, text)| Source { name, text }).collect();
    (Analysis::of(sources), cursor.0, cursor.1)
}

/// `SHOP` with the cursor behind the first `after` and before `before`.
fn shop(after: &str, before: &str) -> (Analysis, u32, u32) {
    let whole = format!("{after}{before}");
    assert!(SHOP.contains(&whole), "{whole}");
    fixture(&SHOP.replacen(&whole, &format!("{after}‸{before}"), 1))
}

/// Places as `line:text`.
fn shown(analysis: &Analysis, spans: &[Span]) -> Vec<String> {
    let show = |span: &Span| {
        let text = &analysis.sources()[span.source as usize].text;
        let line = text[..span.start as usize].matches('\n').count() + 1;
        format!("{line}:{}", analysis.text(*span))
    };
    spans.iter().map(show).collect()
}

#[test]
fn the_shop_is_sound() {
    let (analysis, _, _) = fixture(SHOP);
    let errors: Vec<_> =
        analysis.diagnostics().iter().filter(|d| d.severity == crate::Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn every_kind_of_name_leads_to_its_declaration() {
    for (after, before, expected) in [
        ("ship(or", "der)\n    within", "2:order"),
        ("order.cust", "omer).trend", "1:customer"),
        ("from pla", "ced", "7:order.placed"),
        ("when order.pla", "ced {", "7:order.placed"),
        ("when order_pla", "ced {", "7:order_placed"),
        ("if mo", "od(", "11:mood"),
        (").tre", "nd", "11:trend"),
        ("threshold.lo", "w AND", "12:low"),
        ("fast: sh", "ip", "13:ship"),
        ("write(recip", "ient: order", "14:recipient"),
        ("order is op", "en", "5:open"),
        ("reason: order.to", "tal", "4:total"),
        ("order.customer.ord", "ers.count", "1:orders"),
        ("with ord", "ers.count", "1:orders"),
        ("for each cust", "omer", "1:customer"),
        ("gap fa", "st(o1)", "16:fast"),
        ("type: order.pla", "ced, order", "7:order.placed"),
        ("o1, cust", "omer: c1", "1:customer"),
    ] {
        let (analysis, source, offset) = shop(after, before);
        let places = shown(&analysis, &analysis.definitions(source, offset));
        let first = places.first().map(String::as_str);
        assert_eq!(first, Some(expected), "{after}‸{before}: {places:?}");
    }
}

#[test]
fn references_are_found_in_all_files() {
    let (analysis, source, offset) = fixture(
        "entity a‸\nevent a.b\n--- two\nentity c { belongs_to: a }\nwhen a.b { must: d(a) }\n",
    );
    let places = analysis.references(source, offset, true);
    assert_eq!(shown(&analysis, &places), ["1:a", "2:a", "1:a", "2:a", "2:a"]);
    assert_eq!(analysis.references(source, offset, false).len(), 4);
    let (analysis, source, offset) = shop("threshold l", "ow: 45");
    assert_eq!(shown(&analysis, &analysis.references(source, offset, false)), ["19:low"]);
}

/// The first source after renaming what is under the cursor.
fn renamed(fixture: (Analysis, u32, u32), name: &str) -> Result<String, Refusal> {
    let (analysis, source, offset) = fixture;
    let edits = analysis.rename(source, offset, name)?;
    let own: Vec<_> = edits.into_iter().filter(|edit| edit.span.source == 0).collect();
    Ok(edited(&analysis.sources()[0].text, &own))
}

#[test]
fn an_entity_is_renamed_with_its_events_attributes_and_collections() {
    let text = renamed(shop("entity or", "der {"), "sale").unwrap_or_default();
    for piece in [
        "has: sales[]",
        "entity sale {",
        "event sale.placed as order_placed",
        "satisfied_by: sale.shipped",
        "when sale.placed",
        "ship(sale)",
        "sale.customer.sales.count",
        "with sales.count",
        "sale: o1",
        "sale is open",
    ] {
        assert!(text.contains(piece), "{piece}: {text}");
    }
    assert_eq!(text.matches("order").count(), 2, "the other name of the event stays: {text}");
}

#[test]
fn events_are_renamed_in_every_form() {
    let text = renamed(shop("event order.pl", "aced as"), "order.made").unwrap_or_default();
    assert!(text.contains("from made until") && text.contains("when order.made"), "{text}");
    assert!(text.contains("type: order.made") && text.contains("as order_placed"), "{text}");
    let text = renamed(shop("when order_pl", "aced"), "Order placed").unwrap_or_default();
    assert!(
        text.contains("as \"Order placed\"") && text.contains("when \"Order placed\""),
        "{text}"
    );
    let text = renamed(shop("from pl", "aced"), "made").unwrap_or_default();
    assert!(text.contains("event order.made"), "{text}");
}

#[test]
fn other_names_are_renamed_where_they_stand() {
    for (after, before, name, pieces) in [
        ("threshold.l", "ow", "bad", ["threshold bad: 45", "threshold.bad AND"]),
        ("action sh", "ip", "send", ["must fast: send(order)", "should: send(order)"]),
        ("{ tre", "nd }", "slope", ["{ slope }", ").slope crosses"]),
        ("must fa", "st:", "swift", ["must swift: ship", "gap swift(o1)"]),
        ("state op", "en:", "unpaid", ["state unpaid:", "is unpaid {"]),
        ("write(recip", "ient: cust", "whom", ["write(whom: customer)", "write(whom: order"]),
    ] {
        let text = renamed(shop(after, before), name);
        let text = text.unwrap_or_else(|refusal| refusal.to_string());
        assert!(pieces.iter().all(|piece| text.contains(piece)), "{after}‸{before}: {text}");
    }
}

#[test]
fn what_cannot_be_renamed_is_refused_with_a_reason() {
    for (after, before, name, reason) in [
        ("wit", "hin", "x", "this is not a name"),
        ("threshold l", "ow", "45", "`45` cannot be the name of a threshold"),
        ("threshold l", "ow", "a b", "cannot be the name"),
        ("entity or", "der {", "customer", "there is already an entity `customer`"),
        ("event order.pl", "aced", "order_placed", "order_placed"),
        ("has: ord", "ers[]", "things", "named after the entity `order`"),
        ("action sh", "ip", "write", "there is already an action"),
    ] {
        let (analysis, source, offset) = shop(after, before);
        let refused = analysis.rename(source, offset, name).err().map(|r| r.to_string());
        assert!(
            refused.as_deref().is_some_and(|r| r.contains(reason)),
            "{after}‸{before}: {refused:?}"
        );
    }
    let text = "entity a\nevent consent.gra‸nted\naction b(a)\nwhen a.c { must: b(a, requires: consent) }\n";
    let (analysis, source, offset) = fixture(text);
    let refused = analysis.rename(source, offset, "consent.given").err().map(|r| r.to_string());
    assert!(refused.is_some_and(|r| r.contains("is read by its name, as `consent`")));
}

fn labels(text: &str) -> Vec<String> {
    let (analysis, source, offset) = fixture(text);
    analysis.complete(source, offset).into_iter().map(|offer| offer.label).collect()
}

/// `SHOP`, and behind it a text with a cursor.
fn behind_shop(text: &str) -> Vec<String> {
    labels(&format!("{SHOP}{text}"))
}

#[test]
fn completion_knows_the_place() {
    for (text, expected, absent) in [
        ("‸", "when", "must"),
        ("en‸", "entity", "must"),
        ("when ‸", "order.placed", "order"),
        ("when order.‸", "placed", "order.placed"),
        ("when customer.left | ‸", "order.paid", "must"),
        ("when order.paid {\n  ‸\n}\n", "must", "entity"),
        ("when order.paid {\n  must: ‸\n}\n", "ship", "order"),
        ("when order.paid {\n  must: ship(‸)\n}\n", "order", "ship"),
        ("when order.paid {\n  must: ship(order)\n    ‸\n}\n", "within", "entity"),
        ("when order.paid {\n  must: ship(order)\n    within: ‸\n}\n", "24h", "ship"),
        (
            "when order.paid {\n  must: ship(order)\n    within: 5s\n    fallback: ‸\n}\n",
            "write",
            "order",
        ),
        ("when order.paid {\n  if ‸ {\n  }\n}\n", "mood", "must"),
        ("when order.paid {\n  if order.‸ {\n  }\n}\n", "customer", "order"),
        ("when order.paid {\n  if order.customer.‸ {\n  }\n}\n", "tier", "total"),
        ("when order.paid {\n  if order.total ‸ {\n  }\n}\n", "crosses", "ship"),
        ("when order.paid {\n  if order.total crosses ‸ {\n  }\n}\n", "above", "ship"),
        ("when order.paid {\n  if order.total crosses threshold.‸ {\n  }\n}\n", "low", "order"),
        ("when order.paid {\n  if mood(order.customer).‸ {\n  }\n}\n", "trend", "tier"),
        ("when order.paid {\n  if order.total > 5 AND ‸\n}\n", "order", "must"),
        ("every day {\n  for each customer with ‸ {\n  }\n}\n", "orders", "must"),
        ("every day {\n  for each ‸ {\n  }\n}\n", "customer", "must"),
        ("every ‸", "day", "must"),
        ("on ‸", "friday", "must"),
        ("entity visit {\n  ‸\n}\n", "belongs_to", "must"),
        ("entity visit {\n  belongs_to: ‸\n}\n", "customer", "order.placed"),
        ("entity visit {\n  state open: from ‸\n}\n", "order.placed", "customer"),
        ("action call(order) {\n  satisfied_by: ‸\n}\n", "order.shipped", "customer"),
        ("action call(order) {\n  satisfied_by: order.paid | order.‸\n}\n", "shipped", "customer"),
        ("action call(order) { by: ‸ }\n", "human", "order"),
        ("action call(‸", "customer", "order.paid"),
        ("measure fun(‸", "customer", "order.paid"),
        ("measure fun(customer) from ‸", "mood.updated", "customer"),
        ("limits {\n  ‸\n}\n", "settle", "must"),
        ("threshold high: 80 ‸", "rising", "order"),
        ("always {\n  assert: every(‸\n}\n", "order", "must"),
        ("scenario \"x\" {\n  ‸\n}\n", "expect", "must"),
        ("scenario \"x\" {\n  given e1: { type: ‸ }\n}\n", "order.placed", "order"),
        ("scenario \"x\" {\n  at 6s expect ‸\n}\n", "gap", "order"),
        ("scenario \"x\" {\n  at 6s expect gap ‸\n}\n", "fast", "gap"),
    ] {
        let found = behind_shop(text);
        assert!(found.iter().any(|label| label == expected), "{text}: no {expected} in {found:?}");
        assert!(!found.iter().any(|label| label == absent), "{text}: {absent} in {found:?}");
    }
}

#[test]
fn nothing_is_offered_in_comments_and_texts() {
    for text in ["# when ‸\n", "system \"‸\" {}\n", "threshold x: 45‸\n", "a: 1 → note ‸ \n"]
    {
        assert_eq!(labels(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn a_completion_replaces_what_is_typed() {
    let (analysis, source, offset) = fixture(&format!("{SHOP}when order.pla‸"));
    let offers = analysis.complete(source, offset);
    let placed = offers.iter().find(|offer| offer.label == "placed");
    assert_eq!(placed.map(|offer| analysis.text(offer.replace)), Some("pla"));
}

#[test]
fn hover_says_what_a_thing_is() {
    for (after, before, expected) in [
        ("threshold.l", "ow AND", "45, crossed coming down to it"),
        ("fast: sh", "ip", "satisfied_by: order.shipped"),
        ("when order_pl", "aced", "`order.placed`"),
        ("entity or", "der", "state `open`"),
        ("is op", "en", "from `order.placed` until `order.paid`"),
        (").tre", "nd", "`mood`"),
        ("must fa", "st:", "ship(order), called `ship` in gaps"),
        ("with", "in: 5s", "the deadline of the duty"),
        ("within: 5", "s", "5 seconds"),
        ("every we", "ek", ""),
        ("satisfied_by: order.ship", "ped", "satisfies `ship`"),
    ] {
        let (analysis, source, offset) = shop(after, before);
        let text = analysis.hover(source, offset).map(|hover| hover.text).unwrap_or_default();
        assert!(text.contains(expected), "{after}‸{before}: {text}");
        assert!(!expected.is_empty() || text.is_empty(), "{after}‸{before}: {text}");
    }
}

#[test]
fn the_outline_follows_the_text() {
    let (analysis, _, _) = fixture(SHOP);
    let outline = analysis.outline(0);
    let names: Vec<&str> = outline.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names[..3], ["customer", "order", "event order.placed as order_placed"]);
    let when = &outline.iter().find(|entry| entry.name == "when order.placed").map(|e| &e.children);
    let inside: Vec<&str> = when.iter().flat_map(|c| c.iter()).map(|e| e.name.as_str()).collect();
    assert_eq!(inside[0], "must fast: ship(order)");
    assert!(inside[1].starts_with("if mood(order.customer)"), "{inside:?}");
    fn nested(entries: &[Entry]) {
        for entry in entries {
            let inside = |span: Span| entry.span.start <= span.start && span.end <= entry.span.end;
            assert!(inside(entry.place), "{entry:?}");
            assert!(entry.children.iter().all(|child| inside(child.span)), "{entry:?}");
            nested(&entry.children);
        }
    }
    nested(&outline);
}

#[test]
fn what_is_inferred_can_be_declared() {
    let (analysis, _, _) =
        fixture("system \"x\" {\n  when order.placed {\n    must: ship(order)\n  }\n}\n");
    let offers: Vec<_> =
        analysis.diagnostics().iter().filter_map(|d| analysis.declaring(d)).collect();
    let titles: Vec<&str> = offers.iter().map(|(title, _)| title.as_str()).collect();
    assert!(titles.contains(&"declare `event order.placed`"), "{titles:?}");
    let edit = offers.into_iter().map(|(_, edit)| edit).collect::<Vec<_>>();
    let text = edited(&analysis.sources()[0].text, &edit[..1]);
    assert!(
        text.starts_with("system \"x\" {\n  e") && text.contains("\n  when order.placed"),
        "{text}"
    );
    assert_eq!(crate::parse(&text).faults, []);
}

#[test]
fn every_place_of_every_prefix_has_an_answer() {
    for end in (0..SHOP.len()).filter(|end| SHOP.is_char_boundary(*end)).step_by(11) {
        let source = Source { name: String::new(), text: SHOP[..end].to_owned() };
        let analysis = Analysis::of(vec![source]);
        let offset = u32::try_from(end).unwrap_or_default();
        drop((analysis.hover(0, offset), analysis.complete(0, offset), analysis.outline(0)));
        drop((analysis.definitions(0, offset), analysis.rename(0, offset, "other")));
        assert_eq!(analysis.at(7, 0), None);
    }
}
