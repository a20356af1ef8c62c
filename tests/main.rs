//! The product as its users meet it, in one test binary.

mod architecture;
mod cases;
mod life;
mod people;
mod schemas;
