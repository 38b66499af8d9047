//! Who is who on a server under test, as tenure and as Apache ZooKeeper are told.

use std::path::Path;

use tenure::server::ServerBuilder;

/// What a test wants; nothing by default.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the fields are named after the server's options")]
pub struct Identities {
    pub sasl_users: &'static [(&'static str, &'static str)],
    pub super_sasl: Option<&'static str>,
    pub super_digest: Option<&'static str>,
    pub allow_sasl_failed_clients: bool,
    pub require_auth: &'static [&'static str],
    pub ensemble_names: &'static [&'static str],
    pub skip_acl: bool,
    pub without_digest: bool,
}

impl Identities {
    /// tenure, told all this.
    pub fn build(&self, mut builder: ServerBuilder) -> ServerBuilder {
        for (name, password) in self.sasl_users {
            builder = builder.sasl_user(name, password);
        }
        if let Some(user) = self.super_sasl {
            builder = builder.super_sasl(user);
        }
        if let Some(id) = self.super_digest {
            builder = builder.super_digest(id);
        }
        builder
            .allow_sasl_failed_clients(self.allow_sasl_failed_clients)
            .require_auth(self.require_auth.iter().copied())
            .ensemble_names(self.ensemble_names.iter().copied())
            .skip_acl(self.skip_acl)
            .digest(!self.without_digest)
    }

    /// What Java is told, with a file of users in this folder.
    pub fn java(&self, folder: &Path) -> std::io::Result<Vec<String>> {
        let mut flags = Vec::new();
        let mut set = |key: &str, value: &str| flags.push(format!("-D{key}={value}"));
        if !self.sasl_users.is_empty() {
            let module = "org.apache.zookeeper.server.auth.DigestLoginModule required";
            let users: String = self
                .sasl_users
                .iter()
                .map(|(name, password)| format!(" user_{name}=\"{password}\""))
                .collect();
            let file = folder.join("jaas.conf");
            std::fs::write(&file, format!("Server {{ {module}{users}; }};\n"))?;
            set("java.security.auth.login.config", &file.display().to_string());
            let provider = "org.apache.zookeeper.server.auth.SASLAuthenticationProvider";
            set("zookeeper.authProvider.1", provider);
        }
        if let Some(user) = self.super_sasl {
            set("zookeeper.superUser", user);
        }
        if let Some(id) = self.super_digest {
            set("zookeeper.DigestAuthenticationProvider.superDigest", id);
        }
        if self.allow_sasl_failed_clients {
            set("zookeeper.allowSaslFailedClients", "true");
        }
        if !self.require_auth.is_empty() {
            set("zookeeper.enforce.auth.enabled", "true");
            set("zookeeper.enforce.auth.schemes", &self.require_auth.join(","));
        }
        if !self.ensemble_names.is_empty() {
            set("zookeeper.ensembleAuthName", &self.ensemble_names.join(","));
            let provider = "org.apache.zookeeper.server.auth.EnsembleAuthenticationProvider";
            set("zookeeper.authProvider.2", provider);
        }
        if self.skip_acl {
            set("zookeeper.skipACL", "yes");
        }
        if self.without_digest {
            set("zookeeper.DigestAuthenticationProvider.enabled", "false");
        }
        Ok(flags)
    }
}
