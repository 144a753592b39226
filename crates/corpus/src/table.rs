//! TSV and CSV: a header line that names the columns, then lines of as many fields.

use std::path::Path;

use csv::StringRecord;

use crate::CorpusError;

#[derive(Clone, Copy)]
pub(crate) enum Delimiter {
    /// Tab separated without quoting: quotation marks are text, as in most archives' exports.
    Tab,
    /// Comma separated with the usual quoting.
    Comma,
}

/// The lines of a table after its header, with their numbers.
pub(crate) struct Rows<'t> {
    table: &'t Path,
    header: StringRecord,
    records: csv::StringRecordsIntoIter<&'t [u8]>,
}

impl<'t> Rows<'t> {
    /// Reads the header. `table` is what errors name.
    pub(crate) fn open(table: &'t Path, text: &'t str, delimiter: Delimiter) -> Result<Self, CorpusError> {
        let (byte, quoting) = match delimiter {
            Delimiter::Tab => (b'\t', false),
            Delimiter::Comma => (b',', true),
        };
        let reader = csv::ReaderBuilder::new()
            .delimiter(byte)
            .quoting(quoting)
            .flexible(true)
            .has_headers(false)
            .from_reader(text.as_bytes());
        let mut records = reader.into_records();
        let header = records.next().transpose().map_err(|error| failed(table, &error))?.unwrap_or_default();
        Ok(Self { table, header, records })
    }

    pub(crate) fn header(&self) -> &StringRecord {
        &self.header
    }

    fn checked(&self, record: csv::Result<StringRecord>) -> Result<(u64, StringRecord), CorpusError> {
        let record = record.map_err(|error| failed(self.table, &error))?;
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != self.header.len() {
            let reason = format!("it has {} fields, the header has {}", record.len(), self.header.len());
            return Err(CorpusError::IndexLine { index: self.table.into(), line, reason });
        }
        Ok((line, record))
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<(u64, StringRecord), CorpusError>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.records.next()?;
        Some(self.checked(record))
    }
}

fn failed(table: &Path, error: &csv::Error) -> CorpusError {
    CorpusError::Index { index: table.into(), reason: error.to_string() }
}
