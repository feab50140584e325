//! A REST client is where a dashboard fetches.

use std::future::ready;

use futures_util::future::{Either, try_join3};
use unionflow_protocol::{id::OrganizationId, limits};

use super::{DashboardSource, FetchFuture, Fetched, Parts};
use crate::{
    error::ClientError,
    rest::{ApprovalsQuery, InOrganization, RestClient},
};

impl DashboardSource for RestClient {
    fn fetch(&self, organization_id: OrganizationId, parts: Parts) -> FetchFuture<'_> {
        Box::pin(async move {
            let here = InOrganization::of(organization_id);
            let pending =
                ApprovalsQuery { limit: Some(limits::PAGE_MAX), ..ApprovalsQuery::pending(organization_id) };
            let stats = async { Ok::<_, ClientError>(Some(self.read_stats(&here).await?)) };
            let kpis = async { Ok::<_, ClientError>(Some(self.read_kpis(&here).await?)) };
            let approvals = async { Ok::<_, ClientError>(Some(self.approvals(&pending).await?)) };
            let (stats, kpis, approvals) = try_join3(
                if parts.stats { Either::Left(stats) } else { Either::Right(ready(Ok(None))) },
                if parts.kpis { Either::Left(kpis) } else { Either::Right(ready(Ok(None))) },
                if parts.approvals { Either::Left(approvals) } else { Either::Right(ready(Ok(None))) },
            )
            .await?;
            Ok(Fetched { stats, kpis, approvals })
        })
    }
}
