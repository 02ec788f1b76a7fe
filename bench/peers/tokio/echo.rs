//! echo.rs: bench-echo's server on tokio's current_thread runtime: a task for each connection, reads and writes. It
//! ends at the end of its input, which a thread waits for.

use std::io::Read;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The buffer is larger than any message: a read that does not fill it has read everything.
const BUFFER_SIZE: usize = 32 * 1024;

async fn echo(mut connection: TcpStream) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut buffer = vec![0; BUFFER_SIZE];
    loop {
        let count = connection.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        connection.write_all(&buffer[..count]).await?;
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let listening = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listening.local_addr()?.port());
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    loop {
        let (connection, _) = listening.accept().await?;
        tokio::spawn(echo(connection));
    }
}
