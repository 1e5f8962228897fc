//! Both plans against `apache-avro`, on generated schemas and values.

mod capture;
mod datum;
mod differential;
mod entropy;
mod evolve;
mod generate;
mod lists;
mod promise;
mod shape;
