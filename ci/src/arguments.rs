//! What stands behind the name of a check on the command line.

/// The number behind `name`, if it stands there.
pub(crate) fn number_after(arguments: &[String], name: &str) -> Result<Option<u64>, String> {
    let Some(at) = arguments.iter().position(|argument| argument == name) else { return Ok(None) };
    let value = arguments.get(at + 1).ok_or_else(|| format!("{name} takes a number"))?;
    value.parse().map(Some).map_err(|_| format!("{name} takes a number, not `{value}`"))
}
