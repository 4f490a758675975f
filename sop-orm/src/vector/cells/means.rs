//! Centres of vectors: Lloyd's algorithm (1957), begun at vectors that are far from each other
//! (k-means++, Arthur and Vassilvitskii 2007, with the farthest of a few drawn ones).
//!
//! Pure, and the same for the same seed, except for the rounding of sums, which may differ between
//! processors; nothing but speed depends on where centres are.

use fastrand::Rng;

use super::super::kernel::{Element, squared_distance};

/// Rounds of assigning vectors and moving centres. More hardly change what is found.
const ROUNDS: usize = 6;

/// Vectors of which each further centre is the one that is the farthest from all before.
const DRAWN: usize = 32;

/// The vectors that belong to a centre, by position.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) centre: Vec<f32>,
    /// The root of the mean of the squared distances.
    pub(super) spread: f32,
    pub(super) members: Vec<usize>,
}

/// Some vectors, all of one dimension, their components as bytes, as the kernels take them.
pub(super) struct Vectors {
    rows: Vec<Vec<u8>>,
    dimensions: usize,
}

impl Vectors {
    pub(super) fn new(rows: &[Vec<f32>], dimensions: usize) -> Self {
        let bytes = |row: &Vec<f32>| row.iter().flat_map(|x| x.to_le_bytes()).collect();
        Self { rows: rows.iter().map(bytes).collect(), dimensions }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    fn squared(&self, at: usize, centre: &[f32]) -> f32 {
        let row = self.rows.get(at).map_or(&[][..], Vec::as_slice);
        squared_distance(Element::F32, centre, row).unwrap_or(f32::INFINITY)
    }

    fn row(&self, at: usize) -> Vec<f32> {
        let (numbers, _) = self.rows.get(at).map_or(&[][..], Vec::as_slice).as_chunks();
        numbers.iter().map(|number| f32::from_le_bytes(*number)).collect()
    }
}

/// The position of the centre that is nearest to a vector, and how far it is, squared.
pub(super) fn nearest<'c>(
    vectors: &Vectors,
    at: usize,
    centres: impl Iterator<Item = &'c [f32]>,
) -> Option<(usize, f32)> {
    let far = centres.enumerate().map(|(centre, place)| (centre, vectors.squared(at, place)));
    far.min_by(|one, other| one.1.total_cmp(&other.1))
}

/// As many vectors are compared one by one; more are put into groups before.
const UNGROUPED: usize = 256;

/// Groups in which the nearest vector is looked for.
const LOOKED_INTO: usize = 4;

/// Some places, of which one that is nearest to a vector can be found without looking at all: one of
/// the nearest, if there are many.
pub(super) struct Places<'p> {
    places: Vec<&'p [f32]>,
    /// The middle of each group, and who is in it. None if there are so few that all are looked at.
    groups: Vec<Cluster>,
}

impl<'p> Places<'p> {
    /// About as many groups as there are places in each.
    pub(super) fn new(places: Vec<&'p [f32]>, rng: &mut Rng) -> Self {
        let mut groups = Vec::new();
        if let Some(first) = places.first().filter(|_| places.len() > UNGROUPED) {
            let rows: Vec<Vec<f32>> = places.iter().map(|place| place.to_vec()).collect();
            let vectors = Vectors::new(&rows, first.len());
            let middles = self::first(&vectors, places.len().isqrt(), rng);
            groups = assigned(&vectors, &middles);
        }
        Self { places, groups }
    }

    /// The position of a place that is near a vector, and how far it is, squared.
    pub(super) fn nearest(&self, vectors: &Vectors, at: usize) -> Option<(usize, f32)> {
        if self.groups.is_empty() {
            return nearest(vectors, at, self.places.iter().copied());
        }
        let far = |group: &Cluster| vectors.squared(at, &group.centre);
        let mut groups: Vec<_> = self.groups.iter().map(|group| (far(group), group)).collect();
        let last = LOOKED_INTO.min(groups.len()) - 1;
        groups.select_nth_unstable_by(last, |one, other| one.0.total_cmp(&other.0));
        let near = groups.iter().take(LOOKED_INTO).flat_map(|(_, group)| &group.members);
        let far = near.filter_map(|&place| {
            self.places.get(place).map(|components| (place, vectors.squared(at, components)))
        });
        far.min_by(|one, other| one.1.total_cmp(&other.1))
    }
}

/// Divides vectors into at most `count` clusters, none of them empty.
pub(super) fn clusters(vectors: &Vectors, count: usize, rng: &mut Rng) -> Vec<Cluster> {
    let mut centres = first(vectors, count, rng);
    let mut clusters = Vec::new();
    for _ in 0..ROUNDS {
        clusters = assigned(vectors, &centres);
        centres = clusters.iter().map(|cluster| cluster.centre.clone()).collect();
    }
    clusters
}

/// Divides vectors in two, each with a quarter of them at least: by how much nearer they are to the
/// one of two centres than to the other.
pub(super) fn halves(vectors: &Vectors, rng: &mut Rng) -> Vec<Cluster> {
    let two = clusters(vectors, 2, rng);
    let [one, other] = two.as_slice() else { return apart(vectors, (0..vectors.len()).collect()) };
    let nearer = |at: usize| vectors.squared(at, &one.centre) - vectors.squared(at, &other.centre);
    let mut order: Vec<(f32, usize)> = (0..vectors.len()).map(|at| (nearer(at), at)).collect();
    order.sort_by(|one, other| one.0.total_cmp(&other.0));
    let order = order.into_iter().map(|(_, at)| at).collect();
    let quarter = vectors.len() / 4;
    if one.members.len().min(other.members.len()) >= quarter { two } else { apart(vectors, order) }
}

/// Two clusters of equally many, as they stand in a list.
fn apart(vectors: &Vectors, mut order: Vec<usize>) -> Vec<Cluster> {
    let high = order.split_off(order.len() / 2);
    [order, high].map(|half| cluster(vectors, half)).into()
}

/// Vectors to begin with.
fn first(vectors: &Vectors, count: usize, rng: &mut Rng) -> Vec<Vec<f32>> {
    if vectors.len() == 0 {
        return Vec::new();
    }
    let mut centres = vec![vectors.row(rng.usize(..vectors.len()))];
    while centres.len() < count.min(vectors.len()) {
        let far = |at: usize| {
            let nearest = nearest(vectors, at, centres.iter().map(Vec::as_slice));
            (nearest.map_or(0.0, |(_, far)| far), at)
        };
        let drawn = (0..DRAWN).map(|_| far(rng.usize(..vectors.len())));
        let Some((_, at)) = drawn.max_by(|one, other| one.0.total_cmp(&other.0)) else { break };
        centres.push(vectors.row(at));
    }
    centres
}

/// The clusters of the vectors that are nearest to each centre, with the means of these.
fn assigned(vectors: &Vectors, centres: &[Vec<f32>]) -> Vec<Cluster> {
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); centres.len()];
    for at in 0..vectors.len() {
        let centre = nearest(vectors, at, centres.iter().map(Vec::as_slice));
        if let Some(members) = centre.and_then(|(centre, _)| members.get_mut(centre)) {
            members.push(at);
        }
    }
    let full = members.into_iter().filter(|members| !members.is_empty());
    full.map(|members| cluster(vectors, members)).collect()
}

/// The cluster of these vectors.
pub(super) fn cluster(vectors: &Vectors, members: Vec<usize>) -> Cluster {
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^24")]
    let count = members.len().max(1) as f32;
    let mut centre = vec![0.0_f32; vectors.dimensions];
    for &at in &members {
        for (sum, x) in centre.iter_mut().zip(vectors.row(at)) {
            *sum += x;
        }
    }
    for sum in &mut centre {
        *sum /= count;
    }
    let squares: f32 = members.iter().map(|&at| vectors.squared(at, &centre)).sum();
    Cluster { spread: (squares / count).sqrt(), centre, members }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors around some far corners.
    fn around(corners: usize, each: usize, rng: &mut Rng) -> Vectors {
        let rows: Vec<Vec<f32>> = (0..corners * each)
            .map(|at| {
                let corner = at % corners;
                (0..16).map(|x| rng.f32() + if x == corner { 10.0 } else { 0.0 }).collect()
            })
            .collect();
        Vectors::new(&rows, 16)
    }

    #[test]
    fn vectors_that_lie_together_are_one_cluster() {
        let rng = &mut Rng::with_seed(3);
        let vectors = around(5, 40, rng);
        let clusters = clusters(&vectors, 5, rng);
        assert_eq!(clusters.len(), 5);
        for cluster in &clusters {
            let corner = cluster.members[0] % 5;
            assert!(cluster.members.iter().all(|at| at % 5 == corner), "{cluster:?}");
            assert!(cluster.members.len() == 40 && cluster.spread < 2.0);
        }
    }

    #[test]
    fn every_vector_belongs_to_one_cluster_and_none_is_empty() {
        let rng = &mut Rng::with_seed(4);
        for count in [1, 2, 7, 100, 500] {
            let vectors = around(3, 50, rng);
            let clusters = clusters(&vectors, count, rng);
            let mut all: Vec<usize> =
                clusters.iter().flat_map(|cluster| cluster.members.clone()).collect();
            all.sort_unstable();
            assert_eq!(all, (0..150).collect::<Vec<_>>(), "{count} centres");
            assert!(clusters.iter().all(|cluster| !cluster.members.is_empty()));
        }
    }

    #[test]
    fn neither_half_is_less_than_a_quarter() {
        let rng = &mut Rng::with_seed(7);
        let mut rows = vec![vec![0.0_f32; 4]; 200];
        rows[3] = vec![1000.0; 4];
        for vectors in [Vectors::new(&rows, 4), around(2, 50, rng)] {
            let halves = halves(&vectors, rng);
            let sizes: Vec<usize> = halves.iter().map(|half| half.members.len()).collect();
            assert_eq!(sizes.iter().sum::<usize>(), vectors.len());
            assert!(sizes.len() == 2 && sizes.iter().all(|size| size * 4 >= vectors.len()));
        }
    }

    #[test]
    fn of_many_places_mostly_the_nearest_is_found() {
        let rng = &mut Rng::with_seed(8);
        let mut some = |count: usize| -> Vec<Vec<f32>> {
            (0..count).map(|_| (0..8).map(|_| rng.f32()).collect()).collect()
        };
        for count in [0, 1, UNGROUPED, UNGROUPED + 1, 2_000] {
            let (places, rows) = (some(count), some(200));
            let (places, vectors): (Vec<_>, _) =
                (places.iter().map(Vec::as_slice).collect(), Vectors::new(&rows, 8));
            let groups = Places::new(places.clone(), &mut Rng::with_seed(9));
            let found = (0..200).filter(|&at| {
                let exact = nearest(&vectors, at, places.iter().copied());
                groups.nearest(&vectors, at).map(|one| one.0) == exact.map(|one| one.0)
            });
            assert!(found.count() >= if count <= UNGROUPED { 200 } else { 150 }, "{count} places");
        }
    }

    #[test]
    fn equal_vectors_are_no_trouble() {
        let vectors = Vectors::new(&vec![vec![1.0; 4]; 9], 4);
        let clusters = clusters(&vectors, 3, &mut Rng::with_seed(5));
        assert_eq!(clusters.iter().map(|cluster| cluster.members.len()).sum::<usize>(), 9);
        assert!(super::clusters(&Vectors::new(&[], 4), 3, &mut Rng::with_seed(6)).is_empty());
    }
}
