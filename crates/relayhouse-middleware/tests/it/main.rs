//! Layers around a simulated service, under paused time.
#![cfg(test)]

mod adaptive;
mod overload;
mod simulation;
