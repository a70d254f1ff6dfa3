//! Owns [`Kept`]: the whole answer to a query, and the cutting of it into pages.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{DeviceRecords, QueryAnswer, QueryRequest, QueryStatus, RecordTable, TemplateUse};
use crate::parse::shape::Table;

/// What rows there are.
#[derive(Debug)]
pub(super) enum Body {
    /// Records with the place of their device.
    Records(Vec<(usize, Map<String, Value>)>),
    Table(Table),
    /// What a program gave.
    Values(Vec<Value>),
}

/// The answer to a query, with all its rows.
#[derive(Debug)]
pub(super) struct Kept {
    /// Tells whether a later call asks for the same.
    essence: [u8; 32],
    devices: Vec<DeviceRecords>,
    body: Body,
    /// About how many bytes each row takes as JSON.
    sizes: Vec<usize>,
    /// About how many bytes the rest takes.
    rest: usize,
}

/// How many devices are listed one by one where their records stand in a table. Of more, only those with
/// something to remark are.
const MOST_LISTED: usize = 20;

/// What a row costs beside its values: brackets and commas.
const ROW_BYTES: usize = 3;

impl Kept {
    pub(super) fn new(request: &QueryRequest, devices: Vec<DeviceRecords>, body: Body) -> Self {
        let size = |text: serde_json::Result<String>| text.map_or(0, |t| t.len()) + ROW_BYTES;
        let sizes = match &body {
            Body::Records(rows) => {
                rows.iter().map(|(_, row)| size(serde_json::to_string(row))).collect()
            }
            Body::Table(table) => {
                table.rows.iter().map(|row| size(serde_json::to_string(row))).collect()
            }
            Body::Values(values) => {
                values.iter().map(|value| size(serde_json::to_string(value))).collect()
            }
        };
        let rest = serde_json::to_string(&devices).map_or(0, |text| text.len());
        Self { essence: essence(request), devices, body, sizes, rest }
    }

    /// Whether a request asks for this answer.
    pub(super) fn answers(&self, request: &QueryRequest) -> bool {
        self.essence == essence(request)
    }

    /// About how much memory it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        // Values in memory take several times what they take as text.
        self.sizes.iter().sum::<usize>().saturating_add(self.rest).saturating_mul(4)
    }

    /// At most `limit` rows from `offset` on, in about `bytes`, and where the next page begins.
    pub(super) fn page(
        &self,
        offset: usize,
        limit: usize,
        bytes: usize,
    ) -> (QueryAnswer, Option<usize>) {
        let mut used = match &self.body {
            Body::Table(table) => table.columns.iter().map(|name| name.len() + ROW_BYTES).sum(),
            _ => 0_usize,
        };
        let mut is_first = true;
        let fitting = self.sizes.iter().skip(offset).take(limit).take_while(|size| {
            // A row that alone is larger than a page still has to be shown some time.
            let first = std::mem::take(&mut is_first);
            used = used.saturating_add(**size);
            first || used <= bytes
        });
        let count = fitting.count();
        let end = offset.saturating_add(count);
        let all = self.sizes.len();
        let next = (end < all).then_some(end);
        let mut answer = QueryAnswer {
            devices: self.devices.clone(),
            unlisted: None,
            table: None,
            values: None,
            total: (next.is_some() || offset > 0).then_some(all),
            next_cursor: None,
        };
        if offset > 0 {
            // What is not in rows was in the first page.
            for device in &mut answer.devices {
                device.text = None;
                device.data = None;
                device.output_id = None;
                device.notices.clear();
            }
        }
        if !matches!(self.body, Body::Records(_)) && answer.devices.len() > MOST_LISTED {
            answer.unlisted = Some(count_plain(&mut answer.devices));
        }
        match &self.body {
            Body::Records(rows) => {
                for device in answer.devices.iter_mut().filter(|d| d.total_records.is_some()) {
                    device.records = Some(Vec::new());
                }
                for (at, row) in rows.iter().skip(offset).take(count) {
                    let device = answer.devices.get_mut(*at);
                    if let Some(records) = device.and_then(|device| device.records.as_mut()) {
                        records.push(row.clone());
                    }
                }
            }
            Body::Table(table) => {
                let rows = table.rows.iter().skip(offset).take(count).cloned().collect();
                answer.table = Some(RecordTable { columns: table.columns.clone(), rows });
            }
            Body::Values(values) => {
                answer.values = Some(values.iter().skip(offset).take(count).cloned().collect());
            }
        }
        if offset > 0 {
            // The others were told of in the first page.
            answer.unlisted = None;
            answer.devices.retain(|device| device.records.as_ref().is_some_and(|r| !r.is_empty()));
        }
        (answer, next)
    }
}

/// Takes the devices out of the list that gave records and nothing to remark, and counts them.
fn count_plain(devices: &mut Vec<DeviceRecords>) -> Vec<TemplateUse> {
    let mut counted: Vec<TemplateUse> = Vec::new();
    devices.retain(|device| {
        let (Some(template), Some(source)) = (&device.template, &device.source) else {
            return true;
        };
        let is_plain = device.status == QueryStatus::Parsed && device.notices.is_empty();
        if is_plain {
            let known = counted.iter_mut().find(|c| c.template == *template && c.source == *source);
            match known {
                Some(known) => known.devices = known.devices.saturating_add(1),
                None => counted.push(TemplateUse {
                    template: template.clone(),
                    source: source.clone(),
                    devices: 1,
                }),
            }
        }
        !is_plain
    });
    counted
}

/// What two calls for pages of one answer have in common. A hash of it is kept, since a request may
/// bring a long template.
fn essence(request: &QueryRequest) -> [u8; 32] {
    let same = QueryRequest { limit: None, cursor: None, ..request.clone() };
    Sha256::digest(format!("{same:?}")).into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kept(body: Body) -> Kept {
        let device = |name: &str, total| DeviceRecords {
            total_records: Some(total),
            text: Some("told once".to_owned()),
            ..DeviceRecords::new(name, QueryStatus::Parsed)
        };
        Kept::new(&QueryRequest::default(), vec![device("r1", 3), device("r2", 2)], body)
    }

    fn records() -> Kept {
        let row = |at: usize, n: usize| (at, Map::from_iter([("n".to_owned(), json!(n))]));
        kept(Body::Records(vec![row(0, 1), row(0, 2), row(0, 3), row(1, 4), row(1, 5)]))
    }

    #[test]
    fn pages_add_up_to_the_whole() {
        for (limit, bytes) in [(1, 1000), (2, 1000), (100, 25), (100, 1), (5, 1000)] {
            let (kept, mut offset, mut seen) = (records(), 0, Vec::new());
            loop {
                let (answer, next) = kept.page(offset, limit, bytes);
                for device in &answer.devices {
                    seen.extend(
                        device.records.clone().unwrap().into_iter().map(|r| r["n"].clone()),
                    );
                }
                match next {
                    Some(next) => offset = next,
                    None => break,
                }
            }
            assert_eq!(json!(seen), json!([1, 2, 3, 4, 5]), "limit {limit}, bytes {bytes}");
        }
    }

    #[test]
    fn only_the_first_page_repeats_what_is_no_row() {
        let kept = records();
        let (first, next) = kept.page(0, 2, 1000);
        assert_eq!((first.total, next), (Some(5), Some(2)));
        assert!(first.devices[0].text.is_some());
        let (second, _) = kept.page(2, 2, 1000);
        assert!(second.devices.iter().all(|device| device.text.is_none()));
        assert_eq!(second.devices.len(), 2, "those with rows on this page");
        let (whole, next) = kept.page(0, 100, 1000);
        assert_eq!((whole.total, next), (None, None));
    }

    #[test]
    fn tables_and_values_are_cut_by_rows() {
        let table = Table {
            columns: vec!["a".to_owned()],
            rows: vec![vec![json!(1)], vec![json!(2)], vec![json!(3)]],
        };
        let (page, next) = kept(Body::Table(table)).page(1, 1, 1000);
        assert_eq!(json!(page.table), json!({ "columns": ["a"], "rows": [[2]] }));
        assert_eq!(next, Some(2));
        let values = Body::Values(vec![json!("x"), json!([1, 2])]);
        let (page, next) = kept(values).page(1, 5, 1000);
        assert_eq!((json!(page.values), next), (json!([[1, 2]]), None));
    }

    #[test]
    fn many_devices_with_nothing_to_remark_are_counted() {
        let device = |n: usize| DeviceRecords {
            template: Some("t".to_owned()),
            source: Some("s".to_owned()),
            notices: if n == 7 { vec!["odd".to_owned()] } else { Vec::new() },
            ..DeviceRecords::new(&format!("r{n}"), QueryStatus::Parsed)
        };
        let mut devices: Vec<DeviceRecords> = (0..30).map(device).collect();
        devices.push(DeviceRecords::new("lost", QueryStatus::Failed));
        let body = Body::Values(vec![json!(1), json!(2)]);
        let kept = Kept::new(&QueryRequest::default(), devices, body);
        let (answer, _) = kept.page(0, 1, 1000);
        let listed: Vec<&str> = answer.devices.iter().map(|d| d.device.as_str()).collect();
        assert_eq!(listed, ["r7", "lost"]);
        assert_eq!(
            json!(answer.unlisted),
            json!([{ "template": "t", "source": "s", "devices": 29 }])
        );
        assert!(!answer.is_failure());
        let (second, _) = kept.page(1, 1, 1000);
        assert!(second.devices.is_empty() && second.unlisted.is_none() && !second.is_failure());
    }

    #[test]
    fn a_cursor_belongs_to_its_query() {
        let kept = records();
        let request =
            QueryRequest { limit: Some(7), cursor: Some("x".into()), ..QueryRequest::default() };
        assert!(kept.answers(&request));
        assert!(!kept.answers(&QueryRequest { command: "show x".into(), ..request }));
    }
}
