//! The engine's behaviour, seen through its public face.

#[cfg(test)]
mod away;
#[cfg(test)]
mod bank;
#[cfg(test)]
mod beyond;
mod blind;
#[cfg(test)]
mod cluster_model;
#[cfg(test)]
mod cluster_simulation;
#[cfg(test)]
mod conflicts;
#[cfg(test)]
mod crash_matrix;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod deletes;
#[cfg(test)]
mod duplicates;
#[cfg(test)]
mod families;
mod faults;
#[cfg(test)]
mod fill;
#[cfg(test)]
mod folders;
#[cfg(test)]
mod handles;
#[cfg(test)]
mod histories;
#[cfg(test)]
mod isolation;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod manual;
#[cfg(test)]
mod merge_model;
#[cfg(test)]
mod merging;
#[cfg(test)]
mod mixed;
#[cfg(test)]
mod model;
#[cfg(test)]
mod power;
#[cfg(test)]
mod records;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod savepoints;
#[cfg(test)]
mod side_by_side;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod slow_reader;
#[cfg(test)]
mod source;
#[cfg(test)]
mod stores;
mod taken_for_dead;
mod two_phases;
#[cfg(test)]
mod typed_simulation;
#[cfg(test)]
mod unmapped;
#[cfg(test)]
mod volume;
