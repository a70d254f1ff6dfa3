//! Platforms that were found out, for devices whose inventory entry says `auto`.

use rusqlite::{OptionalExtension, named_params};

use super::{Store, StoreError, unix_now};

/// A platform that was found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectedRow {
    /// The platform's name.
    pub platform: String,
    /// When it was found out, in seconds since 1970.
    pub detected_at: i64,
}

impl Store {
    /// The platform that was found out for the device at this address, if one was.
    pub fn detected(&self, device_key: &str) -> Result<Option<DetectedRow>, StoreError> {
        self.read("read the detected platform", |connection| {
            connection
                .prepare_cached(
                    "SELECT platform, detected_at FROM detected_platforms WHERE device_key = ?1",
                )?
                .query_row([device_key], |row| {
                    Ok(DetectedRow {
                        platform: row.get("platform")?,
                        detected_at: row.get("detected_at")?,
                    })
                })
                .optional()
        })
    }

    /// Records the platform of the device at this address.
    pub fn record_detected(&self, device_key: &str, platform: &str) -> Result<(), StoreError> {
        self.write("record the detected platform", |transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO detected_platforms (device_key, platform, detected_at)
                     VALUES (:key, :platform, :now)
                     ON CONFLICT (device_key) DO UPDATE
                     SET platform = excluded.platform, detected_at = excluded.detected_at",
                )?
                .execute(named_params! {
                    ":key": device_key, ":platform": platform, ":now": unix_now(),
                })?;
            Ok(())
        })
    }

    /// Forgets the platform of the device at this address, as when it turned out to be wrong.
    pub fn forget_detected(&self, device_key: &str) -> Result<(), StoreError> {
        self.write("forget the detected platform", |transaction| {
            transaction
                .prepare_cached("DELETE FROM detected_platforms WHERE device_key = ?1")?
                .execute([device_key])?;
            Ok(())
        })
    }
}
