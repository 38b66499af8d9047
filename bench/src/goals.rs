//! What the project promises of itself, and whether this run kept it.

/// The promises of a run, in the order they were measured.
#[derive(Default)]
pub struct Goals {
    lines: Vec<String>,
}

impl Goals {
    /// A figure that should be at least as large as the goal.
    pub fn at_least(&mut self, what: &str, figure: f64, goal: f64) {
        self.note(what, figure, &format!("at least {goal}"), figure >= goal);
    }

    /// A figure that should be below the goal.
    pub fn below(&mut self, what: &str, figure: f64, goal: f64) {
        self.note(what, figure, &format!("below {goal}"), figure < goal);
    }

    /// A figure that should not be larger than the goal.
    pub fn at_most(&mut self, what: &str, figure: f64, goal: f64) {
        self.note(what, figure, &format!("at most {goal}"), figure <= goal);
    }

    /// A figure that is only reported.
    pub fn report(&mut self, what: &str, figure: f64) {
        self.lines.push(format!("{what:<58} {figure:>9.2}"));
    }

    /// Prints them.
    pub fn print(&self) {
        println!();
        for line in &self.lines {
            println!("{line}");
        }
    }

    fn note(&mut self, what: &str, figure: f64, goal: &str, is_met: bool) {
        let verdict = if is_met { "met" } else { "MISSED" };
        self.lines.push(format!("{what:<58} {figure:>9.2}   {goal}: {verdict}"));
    }
}
