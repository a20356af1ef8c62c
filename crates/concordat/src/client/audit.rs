//! The routes of the log: its records, what proves them, and reports.

use concordat_server::api::audit::{ConsistencyQuery, ReceiptQuery, RecordList, RecordsQuery};
use concordat_server::api::reports::{ReportOrder, ReportStatus};
use reqwest::Method;

use super::Client;
use super::error::ClientError;

/// The log.
impl Client {
    /// Records of the log.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn records(&self, query: &RecordsQuery) -> Result<RecordList, ClientError> {
        self.call(Method::GET, &["v1", "audit", "records"]).query(query).send().await?.json()
    }

    /// The receipt of a record, a decision or a run.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn receipt(&self, id: &str, query: &ReceiptQuery) -> Result<String, ClientError> {
        self.call(Method::GET, &["v1", "audit", "receipts", id]).query(query).send().await?.text()
    }

    /// The proof that the log of `new` records begins with the log of `old` ones: hashes, one a line.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn consistency(&self, query: &ConsistencyQuery) -> Result<String, ClientError> {
        self.call(Method::GET, &["v1", "audit", "consistency"]).query(query).send().await?.text()
    }

    /// A tile of the log by the end of its path, such as `0/x001/234`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn tile(&self, path: &str) -> Result<Vec<u8>, ClientError> {
        let path: Vec<&str> = std::iter::once("tile").chain(path.split('/')).collect();
        Ok(self.call(Method::GET, &path).send().await?.bytes())
    }

    /// The newest signed checkpoint, as a note.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn checkpoint(&self) -> Result<String, ClientError> {
        self.call(Method::GET, &["v1", "audit", "checkpoint"]).send().await?.text()
    }

    /// Orders a report.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn order_report(&self, order: &ReportOrder) -> Result<ReportStatus, ClientError> {
        self.call(Method::POST, &["v1", "audit", "reports"]).body(order).send().await?.json()
    }

    /// How a report stands.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn report(&self, id: &str) -> Result<ReportStatus, ClientError> {
        self.call(Method::GET, &["v1", "audit", "reports", id]).send().await?.json()
    }

    /// A report's content, piece by piece: it may be longer than memory.
    ///
    /// # Errors
    /// See [`ClientError`], and whatever `taken` says of a piece.
    pub async fn report_content<E: From<ClientError>>(
        &self,
        id: &str,
        mut taken: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut response = self.call(Method::GET, &["v1", "audit", "reports", id, "content"]).open().await?;
        while let Some(piece) = response.chunk().await.map_err(|error| self.failed(&error))? {
            taken(&piece)?;
        }
        Ok(())
    }
}
