//! Owns the compiled templates that were used last.

use std::sync::Arc;

use crate::parse::textfsm::Template;

/// The templates used last, each with the place it comes from, the latest at the end. There are few,
/// so a search from one end to the other costs less than keeping a map.
#[derive(Debug)]
pub(super) struct Cache {
    templates: Vec<(usize, Arc<Template>)>,
    most: usize,
}

impl Cache {
    pub(super) fn new(most: usize) -> Self {
        Self { templates: Vec::new(), most }
    }

    /// Finds a template and marks it as used.
    pub(super) fn find(&mut self, place: usize, name: &str) -> Option<Arc<Template>> {
        let is_it = |(at, known): &(usize, Arc<Template>)| *at == place && known.name() == name;
        let (_, template) = self.templates.remove(self.templates.iter().position(is_it)?);
        self.templates.push((place, Arc::clone(&template)));
        Some(template)
    }

    /// Keeps a template, in place of one of the same name or the one not used for longest.
    pub(super) fn insert(&mut self, place: usize, template: Arc<Template>) {
        self.templates.retain(|(at, known)| *at != place || known.name() != template.name());
        self.templates.push((place, template));
        let surplus = self.templates.len().saturating_sub(self.most);
        self.templates.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(name: &str) -> Arc<Template> {
        Arc::new(Template::read(name, "Value A (.)\n\nStart\n  ^${A}\n").unwrap())
    }

    #[test]
    fn the_template_not_used_for_longest_goes_first() {
        let mut cache = Cache::new(2);
        cache.insert(0, template("a"));
        cache.insert(0, template("b"));
        assert!(cache.find(0, "a").is_some());
        cache.insert(0, template("c"));
        assert!(cache.find(0, "b").is_none());
        assert!(cache.find(0, "a").is_some());
        cache.insert(0, template("c"));
        assert_eq!(cache.templates.len(), 2);
    }

    #[test]
    fn one_name_in_two_places_means_two_templates() {
        let mut cache = Cache::new(2);
        cache.insert(0, template("a"));
        assert!(cache.find(1, "a").is_none());
        cache.insert(1, template("a"));
        assert!(cache.find(0, "a").is_some() && cache.find(1, "a").is_some());
    }
}
