//! [`Document`]: JSON that this module keeps and does not read.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;

/// A JSON text. Plans and changes quote configurations, so its `Debug` shows only the size.
#[derive(Clone, PartialEq, Eq)]
pub struct Document(String);

impl Document {
    /// Writes a value as JSON.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, StoreError> {
        serde_json::to_string(value).map(Self).map_err(|error| unreadable(&error))
    }

    /// Takes text that is JSON already.
    pub fn from_text(text: String) -> Self {
        Self(text)
    }

    /// Reads the value back.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        serde_json::from_str(&self.0).map_err(|error| unreadable(&error))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Document {
    /// The document that says nothing, `null`.
    fn default() -> Self {
        Self("null".to_owned())
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<document of {} bytes>", self.0.len())
    }
}

fn unreadable(error: &serde_json::Error) -> StoreError {
    StoreError::Document { line: error.line(), column: error.column() }
}

impl rusqlite::ToSql for Document {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl rusqlite::types::FromSql for Document {
    fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        String::column_result(value).map(Self)
    }
}
