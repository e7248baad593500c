// Nothing but depth: what is drawn with this only asks whether it would be seen.
void main() {
}
