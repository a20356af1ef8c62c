//! How large a value can be, in bytes: a sum of parts of the input, parts of a function's arguments, and a rest.
//!
//! A value within loops has several such bounds. The last holds for each value that it takes; the one before it is
//! what it takes on average while the innermost loops run; the first is the average over all of them. So the items of
//! a list are together no larger than the list, and each of them may still be as large as all of it.

/// What a leaf weighs at least: to look at a number or an empty list takes time too.
pub(super) const LEAF: f64 = 16.0;
/// What an input, a document of data, or an argument has, in bytes.
pub(super) const WORLD: f64 = crate::evaluate::MOST_INPUT as f64;
/// The most items that are gathered before the time of an evaluation is over.
const MOST_ITEMS: f64 = 65_536.0;

/// Arguments beyond so many are not told apart.
const MOST_ARGUMENTS: usize = 16;

/// One bound.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Size {
    own: f64,
    input: f64,
    arguments: Vec<f64>,
}

impl Size {
    /// What is no bound, of a value that was told already: nor is anything that is made of it.
    pub(super) fn told() -> Size {
        Size { own: f64::NAN, ..Size::default() }
    }

    /// So many bytes, whatever is asked.
    pub(super) fn of(own: f64) -> Size {
        Size { own: own.max(LEAF), ..Size::default() }
    }

    /// As large as the input.
    pub(super) fn input() -> Size {
        Size { input: 1.0, ..Size::default() }
    }

    /// As large as this argument of the function.
    pub(super) fn argument(nth: usize) -> Size {
        let mut arguments = vec![0.0; nth.min(MOST_ARGUMENTS)];
        arguments.push(1.0);
        Size { arguments, ..Size::default() }
    }

    /// The bytes, where input and arguments are as large as they may be.
    pub(super) fn bytes(&self) -> f64 {
        self.own + (self.input + self.arguments.iter().sum::<f64>()) * WORLD
    }

    /// This many times as large.
    pub(super) fn times(&self, factor: f64) -> Size {
        // Nothing, without end, is nothing.
        let product = |part: f64| if part == 0.0 || factor == 0.0 { 0.0 } else { part * factor };
        Size {
            own: product(self.own),
            input: product(self.input),
            arguments: self.arguments.iter().map(|part| product(*part)).collect(),
        }
    }

    fn with(&self, other: &Size, join: fn(f64, f64) -> f64) -> Size {
        let part = |size: &Size, nth: usize| size.arguments.get(nth).copied().unwrap_or(0.0);
        let arguments = self.arguments.len().max(other.arguments.len());
        Size {
            own: join(self.own, other.own),
            input: join(self.input, other.input),
            arguments: (0..arguments).map(|nth| join(part(self, nth), part(other, nth))).collect(),
        }
    }

    /// Both together.
    pub(super) fn and(&self, other: &Size) -> Size {
        self.with(other, |one, other| one + other)
    }

    /// The one or the other.
    pub(super) fn or(&self, other: &Size) -> Size {
        // What was told already stays so, whatever the other is.
        self.with(other, |one, other| if one > other || one.is_nan() { one } else { other })
    }

    /// The one for each byte of the other.
    ///
    /// Where both depend on something that is no sum of parts; this one grows at least as fast in each of the two.
    pub(super) fn each(&self, other: &Size) -> Size {
        let fixed = |size: &Size| size.input == 0.0 && size.arguments.iter().all(|part| *part == 0.0);
        let (mine, others) = (self.times(other.bytes()), other.times(self.bytes()));
        match (fixed(self), fixed(other)) {
            (true, _) => others,
            (false, true) => mine,
            (false, false) => mine.and(&others),
        }
    }

    /// What a rule or function of this size gives where the input and the arguments have these sizes.
    fn given(&self, input: &Size, arguments: &[Size]) -> Size {
        let start = Size { own: self.own, ..Size::default() }.and(&input.times(self.input));
        arguments.iter().enumerate().fold(start, |sum, (nth, argument)| {
            match self.arguments.get(nth.min(MOST_ARGUMENTS)) {
                Some(part) if *part != 0.0 => sum.and(&argument.times(*part)),
                Some(_) | None => sum,
            }
        })
    }
}

/// The bounds of a value: on average over all loops first, for each value last.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Value(Vec<Size>);

impl From<Size> for Value {
    fn from(size: Size) -> Value {
        Value(vec![size])
    }
}

impl Value {
    /// A leaf.
    pub(super) fn leaf() -> Value {
        Size::of(LEAF).into()
    }

    fn at(&self, level: usize) -> &Size {
        const NONE: &Size = &Size { own: 0.0, input: 0.0, arguments: Vec::new() };
        self.0.get(level).or(self.0.last()).unwrap_or(NONE)
    }

    /// The bound that holds for each value.
    pub(super) fn largest(&self) -> &Size {
        self.at(usize::MAX)
    }

    /// A value made of several, by what is made of their sizes.
    pub(super) fn made(of: &[Value], make: impl Fn(&[Size]) -> Size) -> Value {
        let levels = of.iter().map(|value| value.0.len()).max().unwrap_or(1);
        let level = |level| make(&of.iter().map(|value| value.at(level).clone()).collect::<Vec<_>>());
        Value((0..levels).map(level).collect())
    }

    /// All together.
    pub(super) fn sum(of: &[Value]) -> Value {
        Value::made(of, |sizes| sizes.iter().fold(Size::of(LEAF), |sum, size| sum.and(size)))
    }

    /// What a rule or function gives in the place of these values.
    pub(super) fn given(size: &Size, input: &Value, mut arguments: Vec<Value>) -> Value {
        arguments.insert(0, input.clone());
        Value::made(&arguments, |sizes| match sizes.split_first() {
            Some((input, arguments)) => size.given(input, arguments),
            None => size.clone(),
        })
    }

    /// An item of a list of so many, by a loop within so many others, itself included.
    pub(super) fn item(&self, loops: usize, items: f64) -> Value {
        let average = |level| self.at(level).times(1.0 / items);
        let mut levels: Vec<Size> = (0..loops).map(average).collect();
        levels.push(self.at(loops).clone());
        Value(levels)
    }

    /// What is gathered of this in the innermost of so many loops, which goes through so many items.
    pub(super) fn gathered(&self, loops: usize, items: f64) -> Value {
        let all = |level| {
            let (average, most) = (self.at(level).times(items), self.largest().times(MOST_ITEMS));
            let sum = if items > MOST_ITEMS && most.bytes() < average.bytes() { most } else { average };
            sum.and(&Size::of(LEAF))
        };
        Value((0..loops).map(all).collect())
    }
}
