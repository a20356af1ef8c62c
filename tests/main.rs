//! The product as its users meet it, in one test binary.

mod architecture;
mod life;
mod people;
