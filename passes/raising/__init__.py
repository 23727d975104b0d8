"""From steps and loops to br.lstm, br.gru and br.rnn."""
