//! The macros of the declarations.

/// The type of an inline table.
macro_rules! inner_table {
    ($table:ident) => { Section<$table> };
    ($table:ident or $word:ident) => { WordOrTable<$table> };
}

/// Declares a table of the file.
///
/// - `required` keys must be written.
/// - `settings` have a default, and a range where one is given behind `in`; a method of the key's
///   name gives the value that holds.
/// - `others` are lists, and keys whose absence means something: their type is the field's.
/// - `limits` and `inherited` are explained at [`limits!`].
/// - `tables` are inline tables; behind `or` stands the key of one whose value may be written in
///   the table's place.
///
/// What stands behind `e.g.` is shown in `full.toml`; without it, the default is.
macro_rules! table {
    (
        $(#[doc = $words:literal])* $(#[derive($derive:ident)])?
        $table:ident
        $(required { $($(#[doc = $required_words:literal])*
            $required:ident: $required_type:ty, e.g. $required_example:literal;)* })?
        $(settings { $($(#[doc = $setting_words:literal])*
            $setting:ident: $setting_type:ty = $setting_default:expr
            $(, in $setting_range:expr)? $(, e.g. $setting_example:literal)?;)* })?
        $(others { $($(#[doc = $other_words:literal])*
            $other:ident: $other_type:ty, e.g. $other_example:literal;)* })?
        $(limits { $($(#[doc = $limit_words:literal])*
            $limit:ident: $limit_type:ty = $limit_default:expr
            $(, in $limit_range:expr
            $(, because $limit_reason:literal)?)? => $($place:ident).+;)* })?
        $(inherited { $($(#[doc = $inherited_words:literal])*
            $inherited:ident: $inherited_type:ty, e.g. $inherited_example:literal;)* })?
        $(tables { $($inner:ident: $inner_table:ident $(or $word:ident)?;)* })?
    ) => {
        $(#[doc = $words])*
        #[derive(Clone, Debug, $($derive,)? serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(in crate::config) struct $table {
            $($($(#[doc = $required_words])*
                pub(in crate::config) $required: $required_type,)*)?
            $($($(#[doc = $setting_words])*
                pub(in crate::config) $setting: Option<At<$setting_type>>,)*)?
            $($($(#[doc = $other_words])* #[serde(default)]
                pub(in crate::config) $other: $other_type,)*)?
            $($($(#[doc = $inherited_words])* #[serde(default)]
                pub(in crate::config) $inherited: $inherited_type,)*)?
            $($($(#[doc = $limit_words])*
                pub(in crate::config) $limit: Option<At<$limit_type>>,)*)?
            $($(#[serde(default)]
                pub(in crate::config) $inner: inner_table!($inner_table $(or $word)?),)*)?
        }

        $(impl $table {
            $(
                /// The value that holds.
                pub(in crate::config) fn $setting(&self) -> $setting_type {
                    value_or(self.$setting.as_ref(), $setting_default)
                }
            )*
        })?

        impl SchemaTable for $table {
            fn check(&mut self, diagnostics: &mut Diagnostics) {
                $($($(
                    let allowed = &Allowed { range: &$setting_range, reason: None };
                    within(stringify!($setting), &mut self.$setting, allowed, diagnostics);
                )?)*)?
                $($($(
                    let reason = None$(.or(Some($limit_reason)))?;
                    let allowed = &Allowed { range: &$limit_range, reason };
                    within(stringify!($limit), &mut self.$limit, allowed, diagnostics);
                )?)*)?
                $($(self.$inner.0.check(diagnostics);)*)?
                // A table without ranges has nothing to tell.
                let _ = diagnostics;
            }

            #[cfg(test)]
            fn declaration() -> super::reference::Declaration {
                use super::reference::{Declaration, DeclaredKey};
                Declaration {
                    words: &[$($words),*],
                    keys: vec![
                        $($(DeclaredKey::required(
                            stringify!($required), &[$($required_words),*], $required_example,
                        ),)*)?
                        $($(DeclaredKey::setting::<$setting_type>(
                            stringify!($setting), &[$($setting_words),*], &$setting_default,
                        )$(.range::<$setting_type>(&$setting_range))?
                        $(.example($setting_example))?,)*)?
                        $($(DeclaredKey::other(
                            stringify!($other), &[$($other_words),*], $other_example,
                        ),)*)?
                        $($(DeclaredKey::other(
                            stringify!($inherited), &[$($inherited_words),*], $inherited_example,
                        ),)*)?
                        $($(DeclaredKey::setting::<$limit_type>(
                            stringify!($limit), &[$($limit_words),*], &$limit_default,
                        )$(.range::<$limit_type>(&$limit_range))?,)*)?
                    ],
                    tables: vec![$($((stringify!($inner), <$inner_table>::declaration()),)*)?],
                }
            }
        }
    };
}

/// Declares a table of limits, which a tenant has from `[defaults]` and a user from its tenant.
///
/// `key: type = default, in range => place`: the place is the one in a [`LoginPolicy`] where the
/// session finds the value. `because` says why no more is allowed, where a refusal has to say it.
/// `inherited` are keys that inherit and have no single value.
macro_rules! limits {
    (
        $(#[doc = $words:literal])*
        $table:ident
        limits { $($(#[doc = $limit_words:literal])*
            $limit:ident: $type:ty = $default:expr
                $(, in $range:expr $(, because $reason:literal)?)? => $($place:ident).+;)* }
        $(inherited { $($(#[doc = $inherited_words:literal])*
            $inherited:ident: $inherited_type:ty, e.g. $example:literal;)* })?
        $(tables { $($inner:ident: $inner_table:ident $(or $word:ident)?;)* })?
    ) => {
        table! {
            $(#[doc = $words])*
            #[derive(Default)]
            $table
            limits { $($(#[doc = $limit_words])*
                $limit: $type = $default $(, in $range $(, because $reason)?)? => $($place).+;)* }
            $(inherited { $($(#[doc = $inherited_words])*
                $inherited: $inherited_type, e.g. $example;)* })?
            $(tables { $($inner: $inner_table $(or $word)?;)* })?
        }

        impl LimitTable for $table {
            fn merge(&self, above: &Self) -> Self {
                Self {
                    $($limit: self.$limit.as_ref().or(above.$limit.as_ref()).cloned(),)*
                    $($($inherited: self.$inherited.as_ref()
                        .or(above.$inherited.as_ref()).cloned(),)*)?
                    $($($inner: self.$inner.merge(&above.$inner).into(),)*)?
                }
            }

            fn written(&self, places: &mut WrittenPlaces) {
                $(places.push(self.$limit.is_some());)*
                $($(self.$inner.written(places);)*)?
            }

            fn is_written(&self) -> bool {
                false
                    $(|| self.$limit.is_some())*
                    $($(|| self.$inherited.is_some())*)?
                    $($(|| self.$inner.is_written())*)?
            }

            fn apply(&self, policy: &mut LoginPolicy) {
                $(assign(&mut policy.$($place).+, self.$limit.as_ref(), $default);)*
                $($(self.$inner.apply(policy);)*)?
            }

            fn list(&self, policy: &LoginPolicy, prefix: &str, limits: &mut Vec<Limit>) {
                $(limits.push(Limit {
                    key: format!("{prefix}{}", stringify!($limit)),
                    value: <$type>::from(policy.$($place).+).shown(),
                    origin: self.$limit.as_ref().map(|at| at.span.clone()),
                });)*
                $($(self.$inner.list(
                    policy, &format!("{prefix}{}.", stringify!($inner)), limits,
                );)*)?
            }

            // A reload may change each of ten thousand tenants: text is made only of what differs.
            fn changes(old: &LoginPolicy, new: &LoginPolicy) -> Vec<String> {
                let mut changes = Vec::new();
                $(if old.$($place).+ != new.$($place).+ {
                    let [before, after] = [old, new]
                        .map(|policy| plain(&<$type>::from(policy.$($place).+).shown()));
                    changes.push(format!("{} {before} -> {after}", stringify!($limit)));
                })*
                $($(for change in $inner_table::changes(old, new) {
                    changes.push(format!("{}.{change}", stringify!($inner)));
                })*)?
                changes
            }
        }
    };
}

/// Declares a table that has all limits and keys of its own. (serde cannot flatten one struct into
/// another and still refuse unknown keys.)
macro_rules! table_with_limits {
    (
        $(#[doc = $words:literal])*
        $table:ident
        { $($own:tt)* }
        limits { $($(#[doc = $limit_words:literal])*
            $limit:ident: $type:ty = $default:expr
                $(, in $range:expr $(, because $reason:literal)?)? => $($place:ident).+;)* }
        inherited { $($(#[doc = $inherited_words:literal])*
            $inherited:ident: $inherited_type:ty, e.g. $example:literal;)* }
        tables { $($inner:ident: $inner_table:ident $(or $word:ident)?;)* }
    ) => {
        table! {
            $(#[doc = $words])*
            $table
            $($own)*
            limits { $($(#[doc = $limit_words])*
                $limit: $type = $default $(, in $range $(, because $reason)?)? => $($place).+;)* }
            inherited { $($(#[doc = $inherited_words])*
                $inherited: $inherited_type, e.g. $example;)* }
            tables { $($inner: $inner_table $(or $word)?;)* }
        }

        impl $table {
            /// The limits that it says.
            pub(in crate::config) fn limits(&self) -> Limits {
                Limits {
                    $($limit: self.$limit.clone(),)*
                    $($inherited: self.$inherited.clone(),)*
                    $($inner: self.$inner.clone(),)*
                }
            }
        }
    };
}
