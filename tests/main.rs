//! The product as its users meet it, in one test binary.

mod architecture;
mod campaigns_in_short;
mod cases;
mod life;
mod people;
mod schemas;
