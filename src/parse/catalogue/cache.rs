//! Owns the compiled templates that were used last.

use std::sync::Arc;

use crate::parse::textfsm::Template;

/// The templates used last, the latest at the end. There are few, so a search from one end to the
/// other costs less than keeping a map.
pub(super) struct Cache {
    templates: Vec<Arc<Template>>,
    most: usize,
}

impl Cache {
    pub(super) fn new(most: usize) -> Self {
        Self { templates: Vec::new(), most }
    }

    /// Finds a template and marks it as used.
    pub(super) fn find(&mut self, name: &str) -> Option<Arc<Template>> {
        let at = self.templates.iter().position(|template| template.name() == name)?;
        let template = self.templates.remove(at);
        self.templates.push(Arc::clone(&template));
        Some(template)
    }

    /// Keeps a template, in place of one of the same name or the one not used for longest.
    pub(super) fn insert(&mut self, template: Arc<Template>) {
        self.templates.retain(|known| known.name() != template.name());
        self.templates.push(template);
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
        cache.insert(template("a"));
        cache.insert(template("b"));
        assert!(cache.find("a").is_some());
        cache.insert(template("c"));
        assert!(cache.find("b").is_none());
        assert!(cache.find("a").is_some());
        cache.insert(template("c"));
        assert_eq!(cache.templates.len(), 2);
    }
}
