//! What is known of single routes of the policy: of those on which something has happened, and no others.

/// A route of the policy, by a number that no other one has.
pub type RouteNumber = usize;

/// Something for each of some routes.
#[derive(Clone, Debug)]
pub struct ByRoute<T>(
    /// In the order of the routes.
    Vec<(RouteNumber, T)>,
);

impl<T> Default for ByRoute<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> ByRoute<T> {
    /// What there is for this route.
    #[must_use]
    pub fn get(&self, route: RouteNumber) -> Option<&T> {
        let (_, of_route) = self.0.get(self.place(route).ok()?)?;
        Some(of_route)
    }

    /// What there is for this route, to be changed.
    pub fn get_mut(&mut self, route: RouteNumber) -> Option<&mut T> {
        let place = self.place(route).ok()?;
        let (_, of_route) = self.0.get_mut(place)?;
        Some(of_route)
    }

    /// What there is for each of them.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, of_route)| of_route)
    }

    /// Makes something for this route, where there is nothing yet.
    pub fn make(&mut self, route: RouteNumber, make: impl FnOnce() -> T) {
        if let Err(place) = self.place(route) {
            self.0.insert(place, (route, make()));
        }
    }

    fn place(&self, route: RouteNumber) -> Result<usize, usize> {
        self.0.binary_search_by_key(&route, |(known, _)| *known)
    }
}
