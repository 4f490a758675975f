//! The matrix, as text.

use std::{collections::BTreeMap, fmt};

use super::{Case, Event};

/// How the cases ended, by moment and event.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<(usize, String)>,
    cells: BTreeMap<(usize, Event), Cell>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    committed: u64,
    rolled_back: u64,
}

const COLUMNS: [(Event, &str); 6] = [
    (Event::Coordinator, "coordinator"),
    (Event::Participant, "participant"),
    (Event::Both, "both crash"),
    (Event::Away, "away"),
    (Event::Killed, "killed"),
    (Event::AwayFromOthers, "away, shared"),
];

impl Table {
    /// Notes how a case ended.
    pub fn note(&mut self, case: &Case, is_committed: bool) {
        let row = (case.databases, case.name());
        let at = self.rows.iter().position(|known| *known == row).unwrap_or_else(|| {
            self.rows.push(row);
            self.rows.len() - 1
        });
        let cell = self.cells.entry((at, case.event)).or_default();
        if is_committed {
            cell.committed += 1;
        } else {
            cell.rolled_back += 1;
        }
    }

    /// Cases that were committed, and cases that were rolled back.
    pub fn outcomes(&self) -> (u64, u64) {
        let add = |(committed, rolled_back), cell: &Cell| {
            (committed + cell.committed, rolled_back + cell.rolled_back)
        };
        self.cells.values().fold((0, 0), add)
    }
}

/// In each cell how many were committed, and how many were rolled back.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:28}", "committed / rolled back")?;
        COLUMNS.iter().try_for_each(|(_, name)| write!(f, "{name:>14}"))?;
        writeln!(f)?;
        for (at, (databases, moment)) in self.rows.iter().enumerate() {
            write!(f, "{:28}", format!("{databases} databases, {moment}"))?;
            for (event, _) in COLUMNS {
                let cell = self.cells.get(&(at, event));
                let text = cell.map_or_else(String::new, |cell| {
                    format!("{} / {}", cell.committed, cell.rolled_back)
                });
                write!(f, "{text:>14}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
