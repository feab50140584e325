//! Routes that carry their own documentation, so that no route is without.

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::DefaultBodyLimit,
    handler::Handler,
    http::Method,
    routing::{MethodFilter, MethodRouter, on},
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;
use unionflow_domain::service_key::KeyRight;
use unionflow_protocol::limits;

use crate::state::Api;

type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What OpenAPI says about a route.
#[derive(Clone)]
pub(crate) struct Doc {
    pub(crate) id: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) open: bool,
    pub(crate) keys: Keys,
    pub(crate) for_systems: ForSystems,
    pub(crate) versioned: bool,
    pub(crate) body: Option<(SchemaOf, &'static str)>,
    pub(crate) query: Vec<Param>,
    pub(crate) answers: Vec<(u16, &'static str, Option<SchemaOf>)>,
}

/// A query parameter.
#[derive(Clone)]
pub(crate) struct Param {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    pub(crate) about: &'static str,
    pub(crate) schema: SchemaOf,
}

/// A route of the table.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) doc: Doc,
}

/// How a route stands to `Idempotency-Key`; its handler finds it among the request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    /// Takes none: it reads, or repeating it is harmless, or its body must not be kept in any form.
    None,
    /// Takes one.
    Taken,
    /// Takes one, and its answer holds a secret that is kept nowhere.
    TakenWithSecret,
    /// Moves money: a repeat without a key would be a second command.
    Needed,
    /// Takes one in the place of an id that the body may give.
    AsId,
}

/// Whether a service key gets an answer here. The extractor of reads finds it among the request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ForSystems {
    /// It does not: only persons do.
    #[default]
    No,
    /// As persons do, if one of its scopes grants this.
    Reads(KeyRight),
    /// It alone does, and sends facts: of which type, and so by which scope, the body says.
    Sends,
}

/// What JSON a route takes, if any; its handler's extractor finds it among the request's extensions.
#[derive(Clone, Copy, Default)]
pub(crate) struct BodySchema(Option<SchemaOf>);

impl BodySchema {
    /// The fields without which there is no body.
    pub(crate) fn required(self) -> Vec<String> {
        let Some(schema_of) = self.0 else { return Vec::new() };
        let mut generator = SchemaGenerator::default();
        let schema = schema_of(&mut generator);
        let name = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
        let named = name.and_then(|name| generator.definitions().get(name)).and_then(|it| it.get("required"));
        let required = named.or_else(|| schema.get("required")).and_then(Value::as_array);
        required.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }
}

impl Route {
    /// Whether it heeds an idempotency key.
    pub(crate) fn takes_key(&self) -> bool {
        self.method != Method::GET && self.doc.keys != Keys::None
    }

    /// Whether it changes a resource that has a version.
    pub(crate) fn takes_version(&self) -> bool {
        self.takes_key() && self.doc.versioned && self.path.contains("{id}") && !self.path.starts_with("/me/")
    }
}

/// The table of routes, as it grows.
pub(crate) struct Table {
    pub(crate) router: Router<Arc<Api>>,
    pub(crate) routes: Vec<Route>,
}

/// A route with this id and this one-line description.
pub(crate) fn doc(id: &'static str, summary: &'static str) -> Doc {
    Doc {
        id,
        summary,
        open: false,
        keys: Keys::Taken,
        for_systems: ForSystems::default(),
        versioned: true,
        body: None,
        query: Vec::new(),
        answers: Vec::new(),
    }
}

fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

impl Doc {
    /// Works without a sign-in.
    pub(crate) fn open(mut self) -> Self {
        self.open = true;
        self
    }

    /// Moves money.
    pub(crate) fn money(mut self) -> Self {
        self.keys = Keys::Needed;
        self
    }

    /// Answers with a secret that is shown once.
    pub(crate) fn shows_secret(mut self) -> Self {
        self.keys = Keys::TakenWithSecret;
        self
    }

    /// Takes no idempotency key.
    pub(crate) fn without_key(mut self) -> Self {
        self.keys = Keys::None;
        self
    }

    /// Answers service keys too, if one of their scopes grants this.
    pub(crate) fn for_systems(mut self, right: KeyRight) -> Self {
        self.for_systems = ForSystems::Reads(right);
        self
    }

    /// Answers service keys alone, which send facts of the types that their scopes name.
    pub(crate) fn for_facts(mut self) -> Self {
        (self.for_systems, self.keys) = (ForSystems::Sends, Keys::AsId);
        self
    }

    /// Makes something new below the resource that its path names, whose version does not matter.
    pub(crate) fn makes_new(mut self) -> Self {
        self.versioned = false;
        self
    }

    /// Takes this JSON.
    pub(crate) fn body<T: JsonSchema>(mut self) -> Self {
        self.body = Some((schema_of::<T>, "application/json"));
        self
    }

    /// Takes a file.
    pub(crate) fn file(mut self) -> Self {
        self.body = Some((schema_of::<String>, "text/csv"));
        self
    }

    /// Takes this query parameter.
    pub(crate) fn param<T: JsonSchema>(self, name: &'static str, about: &'static str) -> Self {
        self.add_param::<T>(name, about, false)
    }

    /// Is a list of which a page is taken.
    pub(crate) fn limit(mut self) -> Self {
        let schema = |_: &mut SchemaGenerator| {
            schemars::json_schema!({
                "type": "integer", "minimum": 1, "maximum": limits::PAGE_MAX, "default": limits::PAGE_DEFAULT,
            })
        };
        self.query.push(Param { name: "limit", required: false, about: "How many.", schema });
        self
    }

    /// Needs this query parameter.
    pub(crate) fn needs<T: JsonSchema>(self, name: &'static str, about: &'static str) -> Self {
        self.add_param::<T>(name, about, true)
    }

    fn add_param<T: JsonSchema>(mut self, name: &'static str, about: &'static str, required: bool) -> Self {
        self.query.push(Param { name, required, about, schema: schema_of::<T> });
        self
    }

    /// Answers this.
    pub(crate) fn answers<T: JsonSchema>(mut self, status: u16, about: &'static str) -> Self {
        self.answers.push((status, about, Some(schema_of::<T>)));
        self
    }

    /// Answers without a body.
    pub(crate) fn answers_nothing(mut self, about: &'static str) -> Self {
        self.answers.push((204, about, None));
        self
    }
}

macro_rules! verbs {
    ($($verb:ident $filter:ident;)+) => {$(
        pub(crate) fn $verb<H, T>(self, path: &'static str, handler: H, doc: Doc) -> Self
        where
            H: Handler<T, Arc<Api>>,
            T: 'static,
        {
            self.add(MethodFilter::$filter, Method::$filter, path, handler, doc)
        }
    )+};
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { router: Router::new(), routes: Vec::new() }
    }

    verbs! {
        get GET;
        post POST;
        put PUT;
        patch PATCH;
        delete DELETE;
    }

    fn add<H, T>(
        mut self,
        filter: MethodFilter,
        method: Method,
        path: &'static str,
        handler: H,
        doc: Doc,
    ) -> Self
    where
        H: Handler<T, Arc<Api>>,
        T: 'static,
    {
        // Each handler's extractor has its own limit.
        let handler: MethodRouter<Arc<Api>> = on(filter, handler).layer(DefaultBodyLimit::disable());
        let body = BodySchema(doc.body.map(|(schema_of, _)| schema_of));
        let handler: MethodRouter<Arc<Api>> = handler.layer(Extension(doc.keys));
        let handler: MethodRouter<Arc<Api>> = handler.layer(Extension(doc.for_systems));
        self.router = self.router.route(path, handler.layer(Extension(body)));
        self.routes.push(Route { method, path, doc });
        self
    }
}
