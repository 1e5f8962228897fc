//! What a collector gets: traces over memory and over two processes, metrics, logs; and what it
//! never gets.
#![cfg(test)]

mod canary;
mod export;
mod fixture;
mod monitoring;
mod processes;
mod trace;
