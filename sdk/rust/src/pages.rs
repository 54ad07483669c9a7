use tonic::Status;

use crate::{Error, Items, Locum};

/// One page of a list.
pub struct Page<T> {
    pub items: Vec<T>,
    /// Empty: it is the last one.
    pub next: String,
}

/// Requests of lists that come page by page.
pub trait List: Clone + Send + Sync + 'static {
    type Item: Send + 'static;

    fn turn_to(&mut self, page_token: String);

    fn page(self, locum: &Locum) -> impl Future<Output = Result<Page<Self::Item>, Status>> + Send;
}

impl Locum {
    /// All items of a list, whatever the size of its pages:
    ///
    /// ```no_run
    /// # use locum_client::{Error, Locum, StreamExt, v1::ListRunsRequest};
    /// # async fn show(locum: Locum) -> Result<(), Error> {
    /// let mut runs = locum.each(ListRunsRequest { include_ended: true, ..Default::default() });
    /// while let Some(run) = runs.next().await {
    ///     println!("{}", run?.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn each<L: List>(&self, mut request: L) -> Items<L::Item> {
        let locum = self.clone();
        Box::pin(async_stream::try_stream! {
            loop {
                let page = request.clone().page(&locum).await.map_err(Error::from)?;
                for item in page.items {
                    yield item;
                }
                if page.next.is_empty() {
                    break;
                }
                request.turn_to(page.next);
            }
        })
    }
}
