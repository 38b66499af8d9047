//! The users in a file of Java's authentication service (JAAS), as ZooKeeper's servers take them:
//!
//! ```text
//! Server {
//!     org.apache.zookeeper.server.auth.DigestLoginModule required
//!     user_super="…"
//!     user_bob="…";
//! };
//! ```

use std::collections::BTreeSet;
use std::fmt;

/// A user with a password.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Their name.
    pub name: String,
    /// Their password, in clear text.
    pub password: String,
}

/// Without the password.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What is wrong with such a file. It holds nothing that is between quotes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Counted from 1; 0 for the file as a whole.
    pub line: u32,
    /// What, and what would be right.
    pub text: String,
}

/// The users of the section of this name, and what is wrong. Of one who is named twice the last password
/// counts, as with Java: whoever adds a new one does not mean the old one to go on.
pub fn read(text: &str, section: &str) -> (Vec<User>, Vec<Fault>) {
    let mut reader = Reader { tokens: tokens(text), next: 0, faults: Vec::new() };
    let mut found: Option<Vec<User>> = None;
    while let Some((token, line)) = reader.take() {
        let Token::Word(name) = token else {
            reader.fault(line, "expected the name of a section, such as Server");
            break;
        };
        if name == section {
            let users = reader.section(&name);
            found.get_or_insert_default().extend(users);
        } else {
            reader.skip_section();
        }
        if !reader.faults.is_empty() {
            break;
        }
    }
    if found.is_none() && reader.faults.is_empty() {
        let text = format!("there is no section {section}, which names the users of a server");
        reader.faults.push(Fault { line: 0, text });
    }
    let mut users = found.unwrap_or_default();
    let mut seen = BTreeSet::new();
    users.reverse();
    users.retain(|user| seen.insert(user.name.clone()));
    users.reverse();
    (users, reader.faults)
}

#[derive(Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Quoted(String),
    Sign(char),
    Unclosed,
}

struct Reader {
    tokens: Vec<(Token, u32)>,
    next: usize,
    faults: Vec<Fault>,
}

impl Reader {
    fn take(&mut self) -> Option<(Token, u32)> {
        let token = self.tokens.get(self.next).cloned();
        self.next += 1;
        token
    }

    fn fault(&mut self, line: u32, text: &str) {
        self.faults.push(Fault { line, text: text.to_owned() });
    }

    /// The next token has to be this sign.
    fn expect(&mut self, sign: char, after: &str) -> bool {
        match self.take() {
            Some((Token::Sign(found), _)) if found == sign => true,
            other => {
                let line = other.map_or_else(|| self.last_line(), |(_, line)| line);
                self.fault(line, &format!("expected {sign} after {after}"));
                false
            }
        }
    }

    fn last_line(&self) -> u32 {
        self.tokens.last().map_or(1, |(_, line)| *line)
    }

    /// Somebody else's, with modules of any kind.
    fn skip_section(&mut self) {
        while let Some((token, _)) = self.take() {
            if token == Token::Sign('}') {
                self.expect(';', "the end of a section");
                return;
            }
        }
        self.fault(self.last_line(), "expected } at the end of a section");
    }

    /// `{ module…; module…; };`
    fn section(&mut self, name: &str) -> Vec<User> {
        let mut users = Vec::new();
        if !self.expect('{', &format!("the name of section {name}")) {
            return users;
        }
        loop {
            match self.take() {
                Some((Token::Sign('}'), _)) => {
                    self.expect(';', &format!("the end of section {name}"));
                    return users;
                }
                Some((Token::Word(class), line)) => {
                    self.module(&class, line, &mut users);
                    if !self.faults.is_empty() {
                        return users;
                    }
                }
                other => {
                    let line = other.map_or_else(|| self.last_line(), |(_, line)| line);
                    self.fault(line, "expected the class of a login module, or }");
                    return users;
                }
            }
        }
    }

    /// `Class required name="value" …;`
    fn module(&mut self, class: &str, line: u32, users: &mut Vec<User>) {
        let is_digest = class.rsplit('.').next() == Some("DigestLoginModule");
        if !is_digest {
            // What is no class may be a piece of a password.
            let class = if class.ends_with("LoginModule") { class } else { "what stands here" };
            let text = format!(
                "{class} is no login module of tenure, which knows DigestLoginModule only; Kerberos \
                 is not supported"
            );
            self.fault(line, &text);
            return;
        }
        let is_flag = |word: &str| {
            ["required", "requisite", "sufficient", "optional"]
                .iter()
                .any(|flag| word.eq_ignore_ascii_case(flag))
        };
        match self.take() {
            Some((Token::Word(flag), _)) if is_flag(&flag) => {}
            other => {
                let line = other.map_or(line, |(_, line)| line);
                self.fault(line, "expected required after the class of the login module");
                return;
            }
        }
        loop {
            match self.take() {
                Some((Token::Sign(';'), _)) => return,
                Some((Token::Word(key), line)) => {
                    let is_user = key.starts_with("user_");
                    if !self.expect('=', if is_user { &key } else { "the name of an option" }) {
                        return;
                    }
                    let Some((Token::Quoted(value) | Token::Word(value), _)) = self.take() else {
                        self.fault(line, "an option has no value that ends; write it in quotes");
                        return;
                    };
                    if let Some(name) = key.strip_prefix("user_").filter(|name| !name.is_empty()) {
                        users.push(User { name: name.to_owned(), password: value });
                    }
                }
                other => {
                    let line = other.map_or_else(|| self.last_line(), |(_, line)| line);
                    self.fault(
                        line,
                        "expected user_NAME=\"password\", or ; after the last of them",
                    );
                    return;
                }
            }
        }
    }
}

fn tokens(text: &str) -> Vec<(Token, u32)> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\n' => line += 1,
            _ if c.is_whitespace() => {}
            '{' | '}' | ';' | '=' => tokens.push((Token::Sign(c), line)),
            '#' => while characters.next_if(|&c| c != '\n').is_some() {},
            '/' if characters.peek() == Some(&'/') => {
                while characters.next_if(|&c| c != '\n').is_some() {}
            }
            '/' if characters.peek() == Some(&'*') => {
                characters.next();
                let mut last = ' ';
                for c in characters.by_ref() {
                    line += u32::from(c == '\n');
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
            }
            '"' => {
                let start = line;
                tokens.push((quoted(&mut characters, &mut line), start));
            }
            _ => {
                let mut word = String::from(c);
                let is_part = |c: &char| !c.is_whitespace() && !"{};=\"".contains(*c);
                while let Some(c) = characters.next_if(is_part) {
                    word.push(c);
                }
                tokens.push((Token::Word(word), line));
            }
        }
    }
    tokens
}

/// What stands before the next quotation mark that is not escaped.
fn quoted(characters: &mut impl Iterator<Item = char>, line: &mut u32) -> Token {
    let mut value = String::new();
    while let Some(c) = characters.next() {
        match c {
            '"' => return Token::Quoted(value),
            '\\' => match characters.next() {
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some('r') => value.push('\r'),
                Some(other) => value.push(other),
                None => return Token::Unclosed,
            },
            '\n' => {
                *line += 1;
                value.push(c);
            }
            _ => value.push(c),
        }
    }
    Token::Unclosed
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
// Somebody else's.
Client {
    org.apache.zookeeper.server.auth.DigestLoginModule required
    username="bob" password="bobs";
};
/* ours
*/
Server {
    org.apache.zookeeper.server.auth.DigestLoginModule REQUIRED
    user_super="adm;in }\"x\\"
    user_bob=plain # a comment
    ;
};
"#;

    #[test]
    fn the_users_of_the_section_are_read() {
        let (users, faults) = read(FILE, "Server");
        assert_eq!(faults, []);
        let users: Vec<_> =
            users.iter().map(|it| (it.name.as_str(), it.password.as_str())).collect();
        assert_eq!(users, [("super", "adm;in }\"x\\"), ("bob", "plain")]);
        assert!(!format!("{:?}", read(FILE, "Server").0).contains("plain"));
    }

    #[test]
    fn of_a_user_who_is_named_twice_the_last_password_counts() {
        let module = "a.DigestLoginModule required";
        let text = format!("Server {{ {module} user_a=old user_b=b user_a=new; }};");
        let (users, faults) = read(&text, "Server");
        assert_eq!(faults, []);
        let users: Vec<_> =
            users.iter().map(|it| (it.name.as_str(), it.password.as_str())).collect();
        assert_eq!(users, [("b", "b"), ("a", "new")]);
    }

    #[test]
    fn a_broken_file_is_refused_by_line_and_without_its_passwords() {
        let module = "a.DigestLoginModule required";
        let broken = [
            (String::new(), 0, "no section Server"),
            ("Client { a.Krb5LoginModule required; };".to_owned(), 0, "no section Server"),
            ("Client {".to_owned(), 1, "expected }"),
            (format!("Server {{\n{module} user_a=my s3cret;}};"), 2, "expected = after the name"),
            (format!("Server {{\n{module} user_a=my;s3cret;}};"), 2, "what stands here"),
            ("Server".to_owned(), 1, "expected {"),
            ("\nServer {".to_owned(), 2, "or }"),
            (format!("Server {{\n{module} user_a=\"s3cret\";\n}}"), 3, "expected ;"),
            (format!("Server {{\n{module} user_a=\"s3cret;\n}};"), 2, "has no value"),
            (format!("Server {{\n{module}\nuser_a \"s3cret\";}};"), 3, "expected = after user_a"),
            (format!("Server {{\n{module}\n\"s3cret\";}};"), 3, "expected user_NAME"),
            ("Server {\na.DigestLoginModule user_a=\"s3cret\";};".to_owned(), 2, "required"),
            ("Server {\na.Krb5LoginModule required x=y;};".to_owned(), 2, "Kerberos"),
            ("= {};".to_owned(), 1, "the name of a section"),
        ];
        for (text, line, part) in broken {
            let (_, faults) = read(&text, "Server");
            assert_eq!(faults.len(), 1, "{text}");
            assert_eq!(faults[0].line, line, "{text}: {}", faults[0].text);
            assert!(faults[0].text.contains(part), "{text}: {}", faults[0].text);
            assert!(!faults[0].text.contains("s3cret"), "{text}");
        }
    }
}
